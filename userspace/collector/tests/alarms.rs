//! The live log, rules and what is done by them, and the capture of unknown datagrams, through the
//! command line: a real collector over loopback, a real mail server, a real syslog server.

mod common {
    pub mod collector;
    pub mod command;
    pub mod mail;
    pub mod port;
    pub mod rsyslog;
    pub mod watching;
}

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use common::{
    command::{LOGWEIR, succeed},
    mail::{MailServer, Wants},
    port,
    rsyslog::Rsyslog,
    watching::{DROPPED, ask, collect, events, line_with, wait_for},
};
use serde_json::Value;

const ALLOWED: &str = "Web: 0 TCP(6) LAN/192.168.0.10/34567-WAN/203.0.113.1/80 S Allow";

/// The body of the next request to a web server, which is then taken.
fn posted(server: &TcpListener) -> Value {
    answered(server, "204 No Content")
}

/// The body of the next request to a web server, which then gives this answer.
fn answered(server: &TcpListener, status: &str) -> Value {
    let (stream, _) = server.accept().expect("a request");
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).expect("answered");
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn a_rule_raises_an_alarm_and_posts_and_the_log_shows_what_came() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let web = TcpListener::bind("127.0.0.1:0").expect("a port");
    let configuration = format!(
        "[[rule]]\nname = \"telnet\"\nmatch = [\"action=drop\", \"dst_port=23\"]\n\
         log = true\nalarm = true\nwebhook = \"http://{}/hook\"\n\
         [[rule]]\nname = \"someone new\"\nevent = \"exporter_new\"\nalarm = true\n",
        web.local_addr().expect("bound")
    );
    let (collector, socket) = collect(&configuration, directory);
    let follow = ["tail", "--follow", "--output", "json", "src_addr=203.0.113.0/24"];
    let mut follow = ask(&follow, directory).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut followed = BufReader::new(follow.stdout.take().expect("piped")).lines();
    for line in [ALLOWED, DROPPED] {
        socket.send(line.as_bytes()).expect("sent");
    }

    let post = posted(&web);
    assert_eq!((post["rule"].as_str(), post["count"].as_u64()), (Some("telnet"), Some(1)));
    assert_eq!(post["record"]["dst_addr"], "192.168.0.10");
    let shown: Value =
        serde_json::from_str(&followed.next().expect("a line").expect("read")).expect("JSON");
    assert_eq!(shown, post["record"]);
    follow.kill().expect("it runs");
    follow.wait().expect("a child");

    let alarms = wait_for("a second alarm", || {
        let alarms = succeed(&mut ask(&["alarms", "--output", "json"], directory));
        (alarms.lines().count() == 2).then_some(alarms)
    });
    let of = |line| serde_json::from_str::<Value>(line).expect("JSON");
    let alarms: Vec<_> = alarms.lines().map(of).collect();
    assert_eq!(
        (alarms[0]["name"].as_str(), alarms[1]["name"].as_str()),
        (Some("someone new"), Some("telnet"))
    );
    assert_eq!(alarms[1]["first"], post["record"]);
    let text = succeed(&mut ask(&["alarms"], directory));
    assert!(text.starts_with("local time, UTC") && text.contains("telnet: since "), "{text}");
    succeed(&mut ask(&["alarms", "--clear", "telnet", "--clear", "someone new"], directory));
    assert_eq!(succeed(&mut ask(&["alarms"], directory)), "no alarm is raised\n");
    let wrong = ask(&["alarms", "--clear", "telnet"], directory).output().expect("it starts");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("no alarm 'telnet' is raised"));

    let text = succeed(&mut ask(&["tail", "--color", "always"], directory));
    assert!(text.starts_with("local time, UTC"), "{text}");
    let red = text.lines().filter(|line| line.starts_with("\x1b[31m")).count();
    let green = text.lines().filter(|line| line.starts_with("\x1b[32m")).count();
    assert_eq!((red, green), (1, 1), "{text}");
    assert!(text.contains("exporter_new"), "{text}");
    let plain = succeed(&mut ask(&["tail", "-n", "1", "record=filter"], directory));
    assert!(plain.lines().count() == 2 && !plain.contains('\x1b'), "{plain}");
    assert!(plain.contains("filter=\"No telnet\" action=drop"), "{plain}");
    let wrong = ask(&["tail", "acton=drop"], directory).output().expect("it starts");
    let told = "logweir: 'acton=drop': no field 'acton': did you mean 'action'?\n";
    assert_eq!(
        (wrong.status.code(), String::from_utf8_lossy(&wrong.stderr).as_ref()),
        (Some(2), told)
    );
    let stopped = collector.stop();
    assert!(stopped.status.success(), "{}", stopped.printed);
    assert_eq!(stopped.count("/records/stored"), 2);
}

#[test]
fn a_post_is_tried_again_until_its_server_takes_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let port = port::free();
    let configuration = format!(
        "[[rule]]\nname = \"telnet\"\nmatch = [\"dst_port=23\"]\n\
         webhook = \"http://127.0.0.1:{port}/hook\"\n"
    );
    let (collector, socket) = collect(&configuration, directory);
    for port in ["4321", "4322", "4323"] {
        socket.send(DROPPED.replace("4321", port).as_bytes()).expect("sent");
    }
    wait_for("a failed post", || (events("webhook_failed", directory) > 0).then_some(()));
    let web = TcpListener::bind(("127.0.0.1", port)).expect("its port");
    let src_port = |post: Value| post["record"]["src_port"].as_u64();
    // One that may be better later, one that may not, then all is well.
    assert_eq!(src_port(answered(&web, "503 Service Unavailable")), Some(4_321));
    assert_eq!(src_port(posted(&web)), Some(4_321));
    assert_eq!(src_port(answered(&web, "400 Bad Request")), Some(4_322));
    assert_eq!(src_port(posted(&web)), Some(4_323));
    let told = wait_for("a word about it", || {
        let told = succeed(&mut ask(&["tail"], directory));
        told.contains("webhook_sent").then_some(told)
    });
    assert!(told.contains("takes posts again; 1 before were lost"), "{told}");
    drop(web);
    socket.send(DROPPED.as_bytes()).expect("sent");
    wait_for("another failure", || (events("webhook_failed", directory) > 1).then_some(()));
    let printed = collector.stop().printed;
    assert!(printed.contains("; it is tried again for an hour"), "{printed}");
    assert!(printed.contains("lost at the end: 1 post to http://127.0.0.1:"), "{printed}");
}

#[test]
fn an_alarm_outlives_the_collector_until_it_is_cleared() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let rule = "[[rule]]\nname = \"telnet\"\nmatch = [\"dst_port=23\"]\nalarm = true\n";
    let read = || succeed(&mut ask(&["alarms", "--output", "json"], directory));
    let (collector, socket) = collect(rule, directory);
    socket.send(DROPPED.as_bytes()).expect("sent");
    let raised = wait_for("an alarm", || Some(read()).filter(|alarms| !alarms.is_empty()));
    line_with(&directory.join("data/alarms.json"), "telnet");
    // Killed.
    drop(collector);
    let (collector, _socket) = collect(rule, directory);
    assert_eq!(read(), raised);
    succeed(&mut ask(&["alarms", "--clear", "telnet"], directory));
    collector.stop();
    let (collector, _socket) = collect(rule, directory);
    assert_eq!(read(), "");
    collector.stop();
}

#[test]
fn mail_is_sent_together_and_tried_again_from_the_same_point() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let (port, mails) = (port::free(), directory.join("mails"));
    let Some(_server) = MailServer::start(port, &mails, Wants::default()) else { return };
    let refuse = directory.join("mails.refuse");
    fs::write(&refuse, "").expect("written");
    let configuration = format!(
        "[[rule]]\nname = \"telnet\"\nmatch = [\"action=drop\"]\nemail = true\n\
         [email]\nserver = \"localhost:{port}\"\nfrom = \"logweir@example.net\"\n\
         to = [\"noc@example.net\", \"duty@example.net\"]\npre_delay = \"1s\"\npost_delay = \"1s\"\n"
    );
    let (collector, socket) = collect(&configuration, directory);
    socket.send(DROPPED.as_bytes()).expect("sent");
    wait_for("a failed mail", || (events("email_failed", directory) > 0).then_some(()));
    socket.send(DROPPED.replace("4321", "4322").as_bytes()).expect("sent");
    fs::remove_file(&refuse).expect("removed");
    let mail = line_with(&mails, "203.0.113.9");
    let mail: Value = serde_json::from_str(&mail).expect("JSON");
    assert_eq!(mail[0], "logweir@example.net");
    assert_eq!(mail[1].as_array().map(Vec::len), Some(2));
    let text = mail[2].as_str().expect("text");
    for part in ["2 entries", "telnet: 2", "src_port=4321", "src_port=4322", "action=drop"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    wait_for("a word about it", || (events("email_sent", directory) == 1).then_some(()));
    let stopped = collector.stop();
    assert!(stopped.printed.contains("come again later; it is tried again"), "{}", stopped.printed);
    assert_eq!(fs::read_to_string(&mails).expect("read").lines().count(), 1, "each entry once");
}

#[test]
fn syslog_reaches_a_server_that_understands_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let (port, messages) = (port::free(), directory.join("messages"));
    let Some(_server) = Rsyslog::start(port, &messages, directory) else { return };
    let configuration = format!(
        "[[rule]]\nname = \"telnet\"\nmatch = [\"action=drop\"]\nsyslog = \"local3.error\"\n\
         [syslog]\nserver = \"127.0.0.1:{port}\"\n"
    );
    let (collector, socket) = collect(&configuration, directory);
    let message = wait_for("a message", || {
        // The server may not listen yet.
        socket.send(DROPPED.as_bytes()).expect("sent");
        let messages = fs::read_to_string(&messages).unwrap_or_default();
        messages.lines().next().map(str::to_owned)
    });
    let parts: Vec<_> = message.splitn(6, '|').collect();
    assert_eq!(parts[..4], ["local3", "err", "logweir", "rule"], "{message}");
    assert_eq!(parts[4], "[rule@32473 name=\"telnet\"]");
    let record: Value = serde_json::from_str(parts[5].trim()).expect("JSON");
    assert_eq!(record["src_addr"], "203.0.113.9");
    assert!(collector.stop().status.success());
}

#[test]
fn what_nobody_knew_can_be_sent_in() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let capture = directory.join("unknown.pcap");
    let configuration = format!("unknown_capture = \"{}\"\n", capture.display());
    let (collector, socket) = collect(&configuration, directory);
    let unknown = [0xfe, 0xfd, 1, 2, 3];
    socket.send(&unknown).expect("sent");
    socket.send(ALLOWED.as_bytes()).expect("sent");
    wait_for("a frame", || {
        (fs::metadata(&capture).is_ok_and(|file| file.len() > 24)).then_some(())
    });
    let from = socket.local_addr().expect("bound");
    assert!(collector.stop().status.success());
    let decoded = succeed(Command::new(LOGWEIR).arg("decode").arg(&capture));
    let record: Value = serde_json::from_str(&decoded).expect("one record");
    assert_eq!(
        (record["record"].as_str(), record["raw"].as_str()),
        (Some("unparsed"), Some("0xfefd010203"))
    );
    assert_eq!(
        (record["exporter"].as_str(), record["exporter_port"].as_u64()),
        (Some("127.0.0.1"), Some(from.port().into()))
    );
    let mut tshark = Command::new("tshark");
    tshark.args(["-T", "fields", "-e", "ip.src", "-e", "udp.payload", "-r"]).arg(&capture);
    match tshark.output() {
        Err(_) => println!("skipped: tshark is not installed"),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert_eq!(text.trim(), "127.0.0.1\tfefd010203", "{output:?}");
        }
    }
}
