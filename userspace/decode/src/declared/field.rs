//! The fields that a declaration may name, and in which form their values stand.

use super::error::{Checked, Complaint};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $($variant,)* }

        impl $name {
            pub(super) const ALL: &[($name, &'static str)] = &[$(($name::$variant, $word),)*];

            fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
            }
        }
    };
}

words! {
    /// A field of a record. `Src`, `Dst`, `NatSrc` and `NatDst` are an address and a port in one
    /// text; `Ports` a first and a last port.
    Field {
        Event = "event",
        Host = "host",
        Protocol = "protocol",
        SrcVrf = "src_vrf",
        Src = "src",
        SrcAddr = "src_addr",
        SrcPort = "src_port",
        Dst = "dst",
        DstAddr = "dst_addr",
        DstPort = "dst_port",
        NatSrc = "nat_src",
        NatSrcAddr = "nat_src_addr",
        NatSrcPort = "nat_src_port",
        NatDst = "nat_dst",
        NatDstAddr = "nat_dst_addr",
        NatDstPort = "nat_dst_port",
        TunnelAddr = "tunnel_addr",
        DstVrf = "dst_vrf",
        DurationMs = "duration_ms",
        DurationS = "duration_s",
        SentPackets = "sent_packets",
        SentBytes = "sent_bytes",
        ReceivedPackets = "received_packets",
        ReceivedBytes = "received_bytes",
        SrcZone = "src_zone",
        DstZone = "dst_zone",
        Policy = "policy",
        User = "user",
        Application = "application",
        CloseReason = "close_reason",
        Url = "url",
        PrivateAddr = "private_addr",
        PublicAddr = "public_addr",
        PortFirst = "port_first",
        PortLast = "port_last",
        Ports = "ports",
        SessionId = "session_id",
        Sequence = "sequence",
        Scene = "scene",
    }
}

words! {
    /// A time of a record. `header_time` goes before the time in the line's header.
    When {
        Start = "start_time",
        End = "end_time",
        Event = "event_time",
        Header = "header_time",
    }
}

words! {
    /// How a time, or a part of one, is written.
    Form {
        Any = "any",
        Epoch = "epoch",
        EpochHex = "epoch_hex",
        Rfc3339 = "rfc3339",
        DateTime = "datetime",
        CompactUtc = "mmddyyyyhhmmss_utc",
        Compact = "yyyymmddhhmmss",
        Date = "date",
        Clock = "clock",
        Year = "year",
        Month = "month",
        Day = "day",
        Hour = "hour",
        Minute = "minute",
        Second = "second",
        Zone = "zone",
    }
}

/// The family of a message's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Session,
    PortBlock,
}

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Layout, not kept.
    Drop,
    /// No column: kept in `extra`.
    Extra,
    /// Pairs, to be taken apart.
    Pairs,
    /// A field.
    Field(Field),
    /// A time or a part of one.
    Time(When, Form),
}

/// What a value is for, and the key that it has in `extra` when it goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) what: What,
    pub(super) key: Box<[u8]>,
}

/// The longest name behind `extra.`.
const EXTRA_NAME_MAX: usize = 32;

impl Family {
    fn has(self, field: Field) -> bool {
        use Field::*;
        match field {
            Event | Host | Protocol | SrcVrf => true,
            PrivateAddr | PublicAddr | PortFirst | PortLast | Ports | SessionId | Sequence
            | Scene => self == Family::PortBlock,
            _ => self == Family::Session,
        }
    }

    fn has_time(self, when: When) -> bool {
        self == Family::Session || matches!(when, When::Event | When::Header)
    }

    /// All names of fields that its messages may have.
    fn names(self) -> Vec<&'static str> {
        let fields = Field::ALL.iter().filter(|(field, _)| self.has(*field)).map(|(_, name)| *name);
        let times = When::ALL.iter().filter(|(when, _)| self.has_time(*when));
        fields.chain(times.map(|(_, name)| *name)).chain(["pairs", "_"]).collect()
    }
}

impl Target {
    /// Reads `field`, `time:form`, `extra.name`, `pairs` or `_`.
    pub(super) fn read(text: &str, family: Family) -> Checked<Target> {
        let (name, form) = text.split_once(':').map_or((text, None), |(n, form)| (n, Some(form)));
        let key = name.strip_prefix("extra.").unwrap_or(name);
        let what = if name.starts_with("extra.") {
            check_extra_name(key)?;
            What::Extra
        } else if let Some(when) = When::from_word(name).filter(|when| family.has_time(*when)) {
            let forms = || Form::ALL.iter().map(|(_, word)| *word).collect::<Vec<_>>();
            let word = form.ok_or_else(|| {
                Complaint::new(format!("\"{name}\" needs a form, such as \"{name}:epoch\""))
            })?;
            let known = Form::from_word(word);
            let form = known.ok_or_else(|| Complaint::unknown("form of a time", word, &forms()))?;
            return Ok(Target { what: What::Time(when, form), key: key.as_bytes().into() });
        } else {
            match name {
                "_" => What::Drop,
                "pairs" => What::Pairs,
                _ => {
                    let field = Field::from_word(name).filter(|field| family.has(*field));
                    What::Field(
                        field.ok_or_else(|| Complaint::unknown("field", name, &family.names()))?,
                    )
                }
            }
        };
        if form.is_some() {
            return Err(Complaint::new(format!("\"{name}\" is no time and has no form")));
        }
        Ok(Target { what, key: key.as_bytes().into() })
    }

    /// One that goes to `extra` under a name.
    pub(super) fn extra(name: &str) -> Target {
        Target { what: What::Extra, key: name.as_bytes().into() }
    }
}

fn check_extra_name(name: &str) -> Checked<()> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.".contains(&byte);
    if name.is_empty() || name.len() > EXTRA_NAME_MAX || !name.bytes().all(is_right) {
        let rule = format!("1 to {EXTRA_NAME_MAX} letters, digits, \"_\", \"-\", \"/\" or \".\"");
        return Err(Complaint::new(format!("\"extra.{name}\" is not \"extra.\" and {rule}")));
    }
    Ok(())
}

/// Whether the parts of a time make one: the whole in one form, or a day and a time of day.
pub(super) fn check_times<'t>(targets: &(impl Iterator<Item = &'t Target> + Clone)) -> Checked<()> {
    use Form::*;
    for (when, name) in When::ALL {
        let has = |wanted: &[Form]| {
            targets.clone().any(|target| {
                matches!(target.what, What::Time(w, form) if w == *when && wanted.contains(&form))
            })
        };
        let whole = has(&[Any, Epoch, EpochHex, Rfc3339, DateTime, CompactUtc, Compact]);
        let is_named = has(&[Date, Clock, Year, Month, Day, Hour, Minute, Second, Zone]);
        let has_day = has(&[Date]) || has(&[Month]) && has(&[Day]);
        let has_clock = has(&[Clock]) || has(&[Hour]) && has(&[Minute]);
        if is_named && !whole && !(has_day && has_clock) {
            return Err(Complaint::new(format!(
                "\"{name}\" needs a day (date, or month and day) and a time of day (clock, or hour \
                 and minute)"
            )));
        }
    }
    Ok(())
}
