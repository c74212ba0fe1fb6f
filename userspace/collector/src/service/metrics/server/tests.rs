use super::*;
use crate::service::status::Status;
use std::io::{Read, Write};

fn start(board: &Board) -> Metrics {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Metrics::start(MetricsConfig { address, exporters_max: 10 }, board.clone()).unwrap()
}

fn ask(metrics: &Metrics, request: &str) -> String {
    let mut stream = TcpStream::connect(metrics.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(metrics: &Metrics, path: &str) -> String {
    ask(metrics, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// Who is sent away may find the connection closed under his question.
fn is_alive(metrics: &Metrics) -> bool {
    let mut stream = TcpStream::connect(metrics.address()).unwrap();
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n");
    let told = asked.and_then(|()| stream.read_to_string(&mut answer));
    told.is_ok() && answer.starts_with("HTTP/1.1 200 ")
}

#[test]
fn pages_are_answered_once_something_was_posted() {
    let board = Board::default();
    let metrics = start(&board);
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert!(get(&metrics, path).starts_with("HTTP/1.1 503 "), "{path}");
    }
    board.post(Status { workers: 1, ..Status::default() });
    assert!(get(&metrics, "/healthz").ends_with("\r\n\r\nok\n"));
    assert!(get(&metrics, "/readyz").ends_with("\r\n\r\nok\n"));
    let classic = get(&metrics, "/metrics");
    assert!(classic.contains("# TYPE logweir_datagrams_total counter\n"), "{classic}");
    let accept = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n";
    let openmetrics = ask(&metrics, accept);
    assert!(openmetrics.contains("# TYPE logweir_datagrams counter\n"), "{openmetrics}");
    assert!(openmetrics.ends_with("# EOF\n"));
    let head = ask(&metrics, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(get(&metrics, "/x").starts_with("HTTP/1.1 404 "));
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(8 << 10));
    assert!(ask(&metrics, &long[..8 << 10]).starts_with("HTTP/1.1 431 "));
    board.post(Status::default());
    assert!(get(&metrics, "/readyz").ends_with("no worker runs\n"));
}

/// Those who connect and say nothing take all places, and no more: nobody else is kept waiting.
#[test]
fn who_hangs_takes_a_place_and_no_more() {
    let board = Board::default();
    board.post(Status::default());
    let metrics = start(&board);
    let silent: Vec<_> =
        (0..3 * ANSWERED_MAX).map(|_| TcpStream::connect(metrics.address()).unwrap()).collect();
    assert!(!is_alive(&metrics), "all places are taken");
    drop(silent);
    let deadline = std::time::Instant::now() + 4 * PATIENCE;
    while !is_alive(&metrics) {
        assert!(std::time::Instant::now() < deadline, "the places stay taken");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_address_that_is_taken_is_told() {
    let board = Board::default();
    let metrics = start(&board);
    let config = MetricsConfig { address: metrics.address(), exporters_max: 1 };
    let error = Metrics::start(config, board).unwrap_err();
    assert!(error.starts_with(&format!("cannot serve metrics at {}: ", config.address)), "{error}");
}
