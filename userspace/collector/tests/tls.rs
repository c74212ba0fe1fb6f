//! Mail and webhooks by TLS: a real mail server and a real web server, which do not share a line with
//! the collector's own TLS, and a collector that is confined.

#[expect(dead_code, reason = "other tests need the rest of it")]
mod common {
    pub mod certificates;
    pub mod collector;
    pub mod command;
    pub mod https;
    pub mod mail;
    pub mod port;
    pub mod watching;
}

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    thread,
    time::Duration,
};

use common::{
    certificates::Authority,
    https::HttpsServer,
    mail::{MailServer, Wants},
    port,
    watching::{DROPPED, collect, collect_in, events, line_with, wait_for},
};
use logweir::service::alarm::{
    smtp::{self, Begins, Letter, Login, Relay, Tls},
    tls::Authorities,
};
use serde_json::Value;

const PASSWORD: &str = "correct horse, bättery";

fn write_password(path: &Path, password: &str) {
    fs::write(path, format!("{password}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}

#[test]
fn mail_goes_by_starttls_to_a_server_that_wants_a_password() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let Some(authority) = Authority::new(&directory.join("authority")) else { return };
    let (port, mails) = (port::free(), directory.join("mails"));
    let certificate = authority.sign("localhost");
    let password = Some(("PLAIN", PASSWORD));
    let wants = Wants { starttls: Some(&certificate), password, ..Wants::default() };
    let Some(_server) = MailServer::start(port, &mails, wants) else { return };
    let password_file = directory.join("password");
    write_password(&password_file, "wrong");
    let configuration = format!(
        "[[rule]]\nname = \"telnet\"\nmatch = [\"action=drop\"]\nemail = true\nlog = true\n\
         [email]\nserver = \"localhost:{port}\"\ntls = \"starttls\"\nca_file = {:?}\n\
         user = \"logweir\"\npassword_file = \"password\"\nfrom = \"logweir@example.net\"\n\
         to = [\"noc@example.net\"]\npre_delay = \"1s\"\npost_delay = \"1s\"\n",
        authority.file()
    );
    let (collector, socket) = collect(&configuration, directory);
    socket.send(DROPPED.as_bytes()).expect("sent");
    wait_for("a failed mail", || (events("email_failed", directory) > 0).then_some(()));
    write_password(&password_file, PASSWORD);
    let mail: Value = serde_json::from_str(&line_with(&mails, "203.0.113.9")).expect("JSON");
    assert_eq!(mail[1][0], "noc@example.net");
    let stopped = collector.stop();
    assert!(stopped.status.success(), "{}", stopped.printed);
    assert!(stopped.printed.contains("its answer to the log-in: 535"), "{}", stopped.printed);
    assert!(!stopped.printed.contains("landlock"), "it was not confined: {}", stopped.printed);
}

/// Hands a mail to `localhost`.
fn send(port: u16, tls: Option<Tls>) -> Result<Vec<String>, String> {
    let relay = Relay { host: "localhost".into(), port, tls };
    let (to, lines) = (["noc@example.net".to_owned()], ["it".to_owned()]);
    let letter = Letter {
        from: "logweir@example.net",
        to: &to,
        id: "1@h",
        subject: "s",
        date: "Sun, 1 Mar 2026 12:00:00 +0000",
        lines: &lines,
    };
    smtp::send(&relay, "h", &letter)
}

#[test]
fn mail_goes_by_no_way_but_the_one_that_was_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let Some(authority) = Authority::new(&at("authority")) else { return };
    let other = Authority::new(&at("other")).expect("like the first");
    let (ours, named_otherwise) = (authority.sign("localhost"), authority.sign("mail.example.net"));
    let mails = at("mails");
    let serve = |wants: Wants<'_>| {
        let port = port::free();
        Some((MailServer::start(port, &mails, wants)?, port))
    };
    let believing = |begins, file: &Path| {
        let authorities = Authorities::of_file(file).expect("a certificate");
        Tls { begins, authorities, login: None }
    };
    let tls = |begins, authority: &Authority| believing(begins, &authority.file());
    let by_starttls = |certificate: &Path| {
        let wants = Wants { starttls: Some(certificate), ..Wants::default() };
        serve(wants).expect("like the first")
    };
    let Some((_plain, plain)) = serve(Wants::default()) else { return };
    let (_starttls, starttls) = by_starttls(&ours);
    let (_wrong, wrong) = by_starttls(&named_otherwise);
    let (_own, own) = by_starttls(&authority.own());
    let (_alone, alone) = by_starttls(&authority.unsigned("localhost"));
    let after = |authority| Some(tls(Begins::AfterStarttls, authority));
    write_password(&at("password"), PASSWORD);
    let login = Login { user: "logweir".into(), password_file: at("password") };
    let log_in = Tls { login: Some(login.clone()), ..tls(Begins::AfterStarttls, &authority) };
    for (port, tls, words) in [
        (plain, after(&authority), "it does not offer STARTTLS"),
        (plain, Some(tls(Begins::AtOnce, &authority)), "it does not answer by TLS"),
        (starttls, None, "530"),
        (starttls, after(&other), "an authority that is not trusted here"),
        (wrong, after(&authority), "its certificate is not for this name"),
        (own, after(&authority), "its certificate is an authority's own"),
        (alone, after(&authority), "an authority that is not trusted here"),
    ] {
        let error = send(port, tls).expect_err(words);
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(!mails.exists(), "something was sent");
    assert_eq!(send(starttls, after(&authority)), Ok(Vec::new()));
    let itself = believing(Begins::AfterStarttls, &at("authority/alone.pem"));
    assert_eq!(send(alone, Some(itself)), Ok(Vec::new()));

    let login_alone =
        Wants { implicit: Some(&ours), password: Some(("LOGIN", PASSWORD)), ..Wants::default() };
    let (_implicit, implicit) = serve(login_alone).expect("like the first");
    let at_once = Tls { begins: Begins::AtOnce, ..log_in };
    assert_eq!(send(implicit, Some(at_once.clone())), Ok(Vec::new()));
    let error = send(implicit, Some(tls(Begins::AtOnce, &authority))).expect_err("no password");
    assert!(error.contains("530"), "{error}");
    write_password(&at("password"), "wrong");
    let error = send(implicit, Some(at_once)).expect_err("a wrong password");
    assert!(error.contains("its answer to the log-in: 535"), "{error}");
}

/// A server that takes one connection and says this of itself, a byte at a time.
fn drip(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let _ = stream.read(&mut [0; 4_096]);
        for byte in words.iter().chain(std::iter::repeat(&b' ')) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    });
    port
}

#[test]
fn posts_go_by_https_to_those_whom_the_system_trusts() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    // Beside nothing that a confined collector may read.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let Some(authority) = Authority::new(&elsewhere.path().join("authority")) else { return };
    let other = Authority::new(&elsewhere.path().join("other")).expect("like the first");
    let posts = directory.join("posts");
    let serve = |certificate: &Path| HttpsServer::start(certificate, &posts);
    let Some(good) = serve(&authority.sign("localhost")) else { return };
    let strange = serve(&other.sign("localhost")).expect("like the first");
    let misnamed = serve(&authority.sign("alerts.example.net")).expect("like the first");
    // The head of a record of TLS that is never whole.
    let slow = drip(&[22, 3, 3, 64, 0]);
    let plain = drip(b"HTTP/1.1 204 No Content\r\n\r\n");
    let moved = "HTTP/1.1 301 Moved\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n";
    let moved = drip(moved.as_bytes());
    let place = |port| format!("https://localhost:{port}");
    let urls = [
        place(strange.port),
        place(misnamed.port),
        place(slow),
        place(plain),
        format!("http://localhost:{moved}"),
        place(good.port),
    ];
    let rules = urls.iter().zip(0..).map(|(url, number)| {
        format!(
            "[[rule]]\nname = \"{number}\"\nmatch = [\"action=drop\"]\n\
             webhook = \"{url}/services/T0/secret\"\n"
        )
    });
    let trusted = [("SSL_CERT_FILE", authority.file())];
    let trusted = trusted.each_ref().map(|(name, path)| (*name, path.as_path()));
    let (collector, socket) = collect_in(&trusted, &rules.collect::<String>(), directory);
    socket.send(DROPPED.as_bytes()).expect("sent");
    let post = line_with(&posts, "203.0.113.9");
    let body = post.strip_prefix("/services/T0/secret ").expect("the path");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["rule"], "5");
    let text = body["text"].as_str().expect("text");
    assert!(text.starts_with("5: 2") && text.contains(" src_addr=203.0.113.9 "), "{text}");
    let stopped = collector.stop();
    assert!(stopped.status.success(), "{}", stopped.printed);
    for (url, words) in urls.iter().zip([
        "its certificate is of an authority that is not trusted here: ca_file can name it; it is tried",
        "its certificate is not for this name; it is tried",
        "it has not answered within 5 s; it is tried",
        "it does not answer by TLS; it is tried",
        "it is somewhere else now, by its answer 301 Moved Permanently; it is lost",
    ]) {
        let line = format!("no post to {url}: {words}");
        assert!(stopped.printed.contains(&line), "{line}: {}", stopped.printed);
    }
    assert!(!stopped.printed.contains("secret"), "{}", stopped.printed);
    assert_eq!(fs::read_to_string(&posts).expect("read").lines().count(), 1);
}
