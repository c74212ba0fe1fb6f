//! A real syslog server: rsyslogd on loopback, which writes what it understood to a file.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{fs, io};

/// The server; it ends when this is dropped.
pub struct Rsyslog(Child);

impl Rsyslog {
    /// Starts it in a directory; `None`, and a word why, where it is not installed.
    #[expect(clippy::print_stdout, reason = "the line that tells a reader what was not tested")]
    pub fn start(port: u16, messages: &Path, directory: &Path) -> Option<Rsyslog> {
        let config = format!(
            "global(workDirectory=\"{directory}\")\n\
             module(load=\"imudp\")\n\
             input(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"parts\" type=\"string\" string=\"%syslogfacility-text%|\
             %syslogseverity-text%|%app-name%|%msgid%|%structured-data%|%msg%\\n\")\n\
             action(type=\"omfile\" file=\"{messages}\" template=\"parts\")\n",
            directory = directory.display(),
            messages = messages.display(),
        );
        let path = directory.join("rsyslog.conf");
        fs::write(&path, config).expect("written");
        let mut command = Command::new("rsyslogd");
        command.args(["-n", "-f"]).arg(&path).arg("-i").arg(directory.join("rsyslog.pid"));
        match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => Some(Rsyslog(child)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                println!("skipped: rsyslogd is not installed");
                None
            }
            Err(error) => panic!("rsyslogd does not start: {error}"),
        }
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
