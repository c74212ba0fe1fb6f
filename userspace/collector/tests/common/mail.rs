//! A real mail server: aiosmtpd on loopback, which writes what it is given to a file.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The server; it ends when this is dropped.
pub struct MailServer(Child);

/// What it wants of those who bring mail.
#[derive(Clone, Copy, Default)]
pub struct Wants<'a> {
    /// Certificate and key with which it offers STARTTLS, and takes mail by it alone.
    pub starttls: Option<&'a Path>,
    /// The same with which it speaks nothing but TLS.
    pub implicit: Option<&'a Path>,
    /// A password, by this mechanism.
    pub password: Option<(&'a str, &'a str)>,
}

/// Takes mail: a line of JSON each, with sender, recipients and text. A file `refuse` beside it
/// makes it say that it cannot just now.
const SERVER: &str = r#"
import asyncio, json, os, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
port, mails, starttls, implicit, mechanism, password = sys.argv[1:]
def context(certificate):
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context
def log_in(server, session, envelope, used, data):
    return AuthResult(success=data.password == password.encode(), handled=False)
options = dict(tls_context=context(starttls), require_starttls=bool(starttls))
if mechanism:
    others = {"PLAIN", "LOGIN"} - {mechanism}
    options.update(authenticator=log_in, auth_required=True, auth_require_tls=not implicit,
                   auth_exclude_mechanism=others)
class Handler:
    async def handle_DATA(self, server, session, envelope):
        if os.path.exists(mails + ".refuse"):
            return "451 4.3.0 come again later"
        with open(mails, "a") as file:
            file.write(json.dumps([envelope.mail_from, envelope.rcpt_tos, envelope.content.decode()]) + "\n")
        return "250 OK"
async def serve():
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: SMTP(Handler(), **options), "127.0.0.1", int(port), ssl=context(implicit))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(serve())
"#;

impl MailServer {
    /// Starts it; `None`, and a word why, where there is none.
    #[expect(clippy::print_stdout, reason = "the line that tells a reader what was not tested")]
    pub fn start(port: u16, mails: &Path, wants: Wants<'_>) -> Option<MailServer> {
        let Some(python) = python() else {
            println!("skipped: aiosmtpd is not installed, and pip cannot install it");
            return None;
        };
        let mut command = Command::new(python);
        let (mechanism, password) = wants.password.unwrap_or_default();
        let certificates = [wants.starttls, wants.implicit];
        command.args(["-c", SERVER, &port.to_string()]).arg(mails);
        command.args(certificates.map(|path| path.unwrap_or(Path::new(""))));
        command.args([mechanism, password]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Python starts");
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        said.read_line(&mut String::new()).expect("the mail server is ready");
        Some(MailServer(child))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A Python that has aiosmtpd: the system's, or one in an environment of these tests.
fn python() -> Option<PathBuf> {
    let has_it = |python: &Path| succeeds(Command::new(python).args(["-c", "import aiosmtpd"]));
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aiosmtpd");
    let own = environment.join("bin/python");
    if let Some(python) = ["python3".into(), own.clone()].into_iter().find(|it| has_it(it)) {
        return Some(python);
    }
    let made = succeeds(Command::new("python3").args(["-m", "venv"]).arg(&environment))
        && succeeds(Command::new(&own).args(["-m", "pip", "install", "--quiet", "aiosmtpd"]));
    (made && has_it(&own)).then_some(own)
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
