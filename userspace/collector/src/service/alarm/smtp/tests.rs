use super::*;
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
