use super::*;
use crate::config::secret;
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    thread,
};

/// A server that knows `a` alone, and what it was told.
fn server() -> (u16, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let run = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut told = Vec::new();
        stream.write_all(b"220 gr\xfc\xdfe\r\n").unwrap();
        for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
            let answer: &[u8] = match line.as_str() {
                "DATA" => b"354 go on\r\n",
                "QUIT" => b"221 bye\r\n",
                "RCPT TO:<b@example.net>" => b"550 no such user\r\n",
                _ if line.starts_with("EHLO") => b"250-here\r\n250 8BITMIME\r\n",
                _ if told.contains(&"DATA".to_owned()) && line != "." => b"",
                _ => b"250 well\r\n",
            };
            told.push(line);
            stream.write_all(answer).unwrap();
        }
        told
    };
    (port, thread::spawn(run))
}

#[test]
fn one_who_is_not_known_does_not_keep_mail_from_the_others() {
    let lines = ["alarm".into()];
    let send = |to: &[String], port| {
        let letter =
            Letter { from: "l@example.net", to, subject: "s", date: "d", id: "i", lines: &lines };
        let relay = Relay { host: "127.0.0.1".into(), port, tls: None };
        send(&relay, "h", &letter)
    };
    let (port, told) = server();
    let refused = send(&["b@example.net".into(), "a@example.net".into()], port).unwrap();
    assert!(refused[0].starts_with("b@example.net: ") && refused.len() == 1, "{refused:?}");
    assert!(told.join().unwrap().contains(&"alarm".to_owned()));
    let (port, told) = server();
    let error = send(&["b@example.net".into()], port).unwrap_err();
    assert!(error.ends_with("550 no such user"), "{error}");
    assert!(!told.join().unwrap().contains(&"DATA".to_owned()));
}

/// A connection to a server that says these words first, and then a line of them to each line; and what
/// it was told.
fn scripted(words: &'static [&'static str]) -> (TcpStream, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let run = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut told = Vec::new();
        for words in words {
            stream.write_all(words.as_bytes()).unwrap();
            told.extend(lines.next().and_then(Result::ok));
        }
        told
    };
    (stream, thread::spawn(run))
}

#[test]
fn what_comes_in_the_clear_before_tls_is_not_taken_for_what_comes_by_it() {
    const EHLO: &str = "250-here\r\n250 STARTTLS\r\n";
    let (stream, server) = scripted(&["220 here\r\n", EHLO, "220 go on\r\n250 AUTH PLAIN\r\n"]);
    let error = Session::greeted(stream).unwrap().starttls("h").map(drop).unwrap_err();
    assert_eq!(error, "it says more than it may before TLS begins");
    assert_eq!(server.join().unwrap(), ["EHLO h", "STARTTLS"]);
}

#[test]
fn who_logs_in_does_it_in_a_way_that_the_server_knows() {
    let directory = tempfile::tempdir().unwrap();
    let password_file = directory.path().join("password");
    secret::create(&password_file, "tanstaaftanstaaf\n").unwrap();
    let login = Login { user: "tim".into(), password_file };
    let try_with = |words| {
        let (stream, server) = scripted(words);
        let mut session = Session::greeted(stream).unwrap();
        let offers = session.hello("h").unwrap();
        let did = login.log_in(&mut session, &offers);
        drop(session);
        (did, server.join().unwrap().split_off(1))
    };
    let (did, told) = try_with(&["220 h\r\n", "250-h\r\n250 AUTH LOGIN plain\r\n", "235 in\r\n"]);
    assert_eq!(did, Ok(()));
    // The message of RFC 4616 §4.
    assert_eq!(told, ["AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm"]);

    const BY_LOGIN: &[&str] =
        &["220 h\r\n", "250-h\r\n250 AUTH LOGIN\r\n", "334 \r\n", "334 \r\n", "535 no\r\n"];
    let (did, told) = try_with(BY_LOGIN);
    assert_eq!(did, Err("its answer to the log-in: 535 no".to_owned()));
    assert_eq!(told, ["AUTH LOGIN", "dGlt", "dGFuc3RhYWZ0YW5zdGFhZg=="]);

    let (did, told) = try_with(&["220 h\r\n", "250-h\r\n250 AUTH CRAM-MD5\r\n"]);
    let error = "it takes a password neither by PLAIN nor by LOGIN, only by 'CRAM-MD5'";
    assert_eq!((did, told), (Err(error.to_owned()), Vec::new()));
    let (did, _) = try_with(&["220 h\r\n", "250 h\r\n"]);
    assert_eq!(did, Err("it lets nobody log in, and user is set".to_owned()));
}
