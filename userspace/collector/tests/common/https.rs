//! A web server with TLS: Python's on loopback, which writes what is posted to a file.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The server; it ends when this is dropped.
pub struct HttpsServer {
    child: Child,
    pub port: u16,
}

const SERVER: &str = r#"
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with open(sys.argv[2], "ab") as file:
            file.write(self.path.encode() + b" " + body + b"\n")
        self.send_response(204)
        self.end_headers()
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

impl HttpsServer {
    /// Starts it with this certificate; each post is a line: its path and its body. `None`, and a
    /// word why, where there is no Python.
    #[expect(clippy::print_stdout, reason = "the line that tells a reader what was not tested")]
    pub fn start(certificate: &Path, posts: &Path) -> Option<HttpsServer> {
        let mut command = Command::new("python3");
        command.args(["-c", SERVER]).args([certificate, posts]).stdout(Stdio::piped());
        let Ok(mut child) = command.stderr(Stdio::null()).spawn() else {
            println!("skipped: python3 is not installed");
            return None;
        };
        let mut port = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        said.read_line(&mut port).expect("the web server is ready");
        let port = port.trim().parse().expect("a port");
        Some(HttpsServer { child, port })
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
