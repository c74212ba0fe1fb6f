//! The keys of the tables that watching is configured by.

use crate::config::keys::{Key, Kind, NEEDED, OnReload, Table};

/// The keys of `[rule]`.
pub const RULE: Table = Table {
    name: "rule",
    about: "What is waited for, and what is done then; a table for each rule.",
    keys: &[
        Key {
            name: "name",
            kind: Kind::Text,
            about: "what people call it; an alarm has this name",
            default: NEEDED,
            example: "\"exporter silent\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "match",
            kind: Kind::Texts,
            about: "conditions on the fields of a record, or of the event, that all have to hold: `FIELD=VALUE`, with `=`, `!=`, `<` or `>`",
            default: "every event of the kind",
            example: "[\"exporter=198.51.100.0/24\"]",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "event",
            kind: Kind::Text,
            about: "an event of the collector's own that is waited for, instead of records",
            default: "records are",
            example: "\"exporter_silent\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "threshold",
            kind: Kind::Text,
            about: "from where on it is an event: a time, `30s`, `5m`, `12h`, or a share, `10%`",
            default: "the event's own",
            example: "\"5m\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "log",
            kind: Kind::Flag,
            about: "whether the record stays in the live log when others have left it",
            default: "false",
            example: "true",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "alarm",
            kind: Kind::Flag,
            about: "whether an alarm is raised, which stays until it is cleared",
            default: "false",
            example: "true",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "syslog",
            kind: Kind::Text,
            about: "facility `local0` to `local7`, and a severity behind a dot, of a syslog message to `[syslog]`",
            default: "none is sent",
            example: "\"local3.warning\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "email",
            kind: Kind::Flag,
            about: "whether it is mailed to those of `[email]`",
            default: "false",
            example: "true",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "webhook",
            kind: Kind::Text,
            about: "a URL that begins with `https://` or `http://`, to which it is posted as JSON",
            default: "none",
            example: "\"https://alerts.example.net/logweir\"",
            on_reload: OnReload::Restart,
        },
    ],
};

/// The keys of `[webhook]`.
pub const WEBHOOK: Table = Table {
    name: "webhook",
    about: "Whom rules trust that post by `https://`.",
    keys: &[Key {
        name: "ca_file",
        kind: Kind::Text,
        about: "certificates (PEM) of the authorities that alone may sign those of servers; it is read at the start",
        default: "those that the system trusts, or `SSL_CERT_FILE` names",
        example: "\"ca.pem\"",
        on_reload: OnReload::Restart,
    }],
};

/// The keys of `[syslog]`.
pub const SYSLOG: Table = Table {
    name: "syslog",
    about: "The server that syslog messages of rules go to: RFC 5424 over UDP.",
    keys: &[Key {
        name: "server",
        kind: Kind::Text,
        about: "its address and port",
        default: "none",
        example: "\"192.0.2.9:514\"",
        on_reload: OnReload::Restart,
    }],
};

/// The keys of `[email]`.
pub const EMAIL: Table = Table {
    name: "email",
    about: "Where mail of rules goes: SMTP, by TLS unless the relay is this host.",
    keys: &[
        Key {
            name: "server",
            kind: Kind::Text,
            about: "the relay, by name or address, with a port unless it is 25, or with `implicit` 465",
            default: "none",
            example: "\"mail.example.net:587\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "tls",
            kind: Kind::Text,
            about: "`starttls`: TLS after the command of this name, and nothing for a server without it; `implicit`: TLS from the first byte; `none`: in the clear",
            default: "`implicit` at port 465, `none` at `localhost` and loopback addresses, otherwise `starttls`",
            example: "\"starttls\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "ca_file",
            kind: Kind::Text,
            about: "certificates (PEM) of the authorities that alone may sign the server's; it is read at the start",
            default: "those that the system trusts, or `SSL_CERT_FILE` names",
            example: "\"ca.pem\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "user",
            kind: Kind::Text,
            about: "the name to log in by (AUTH PLAIN or LOGIN), where the server wants one; never in the clear",
            default: "none",
            example: "\"logweir\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "password_file",
            kind: Kind::Text,
            about: "the file of its password, on one line; refused where everyone may read it, and read anew for each mail",
            default: "none: `user` needs it",
            example: "\"mail.password\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "from",
            kind: Kind::Text,
            about: "the sender's address",
            default: "none",
            example: "\"logweir@example.net\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "to",
            kind: Kind::Texts,
            about: "the recipients' addresses",
            default: "none",
            example: "[\"noc@example.net\"]",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "pre_delay",
            kind: Kind::Text,
            about: "how long after its first entry a mail is sent",
            default: "30s",
            example: "\"30s\"",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "post_delay",
            kind: Kind::Text,
            about: "how long after a mail the next one is sent, or one that failed is tried again",
            default: "5m",
            example: "\"5m\"",
            on_reload: OnReload::Restart,
        },
    ],
};

/// The keys of `[live_log]`.
pub const LIVE_LOG: Table = Table {
    name: "live_log",
    about: "How much the live log keeps in memory, which `logweir tail` shows.",
    keys: &[
        Key {
            name: "lines",
            kind: Kind::Number,
            about: "lines of records, and as many of events and of what rules put there: up to 1,000,000",
            default: "10,000",
            example: "10000",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "mb",
            kind: Kind::Number,
            about: "MiB of these lines, likewise: up to 1,024",
            default: "8",
            example: "8",
            on_reload: OnReload::Restart,
        },
        Key {
            name: "records_per_second",
            kind: Kind::Number,
            about: "records of each family that are taken in a second: up to 10,000",
            default: "100",
            example: "100",
            on_reload: OnReload::Restart,
        },
    ],
};
