//! An authority of a test's own, and certificates that it signs: made by the openssl program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The authority; what it makes lies in its directory.
pub struct Authority(PathBuf);

impl Authority {
    /// A new one in this directory, which is made; `None`, and a word why, without openssl.
    #[expect(clippy::print_stdout, reason = "the line that tells a reader what was not tested")]
    pub fn new(directory: &Path) -> Option<Authority> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("skipped: openssl is not installed");
            return None;
        }
        fs::create_dir(directory).expect("a directory");
        let authority = Authority(directory.to_owned());
        // Of two authorities of one name, one is taken for the other.
        let name = directory.file_name().unwrap_or_default().display();
        authority.make("ca", &format!("/CN=authority {name}"), &[]);
        Some(authority)
    }

    /// Its own certificate, as PEM.
    pub fn file(&self) -> PathBuf {
        self.at("ca.pem")
    }

    /// Its own certificate with its key, for a server that uses it as if it were a server's.
    pub fn own(&self) -> PathBuf {
        self.both("ca")
    }

    /// A certificate for a server of this name that it has signed, with its key.
    pub fn sign(&self, host: &str) -> PathBuf {
        let (certificate, key) = (self.at("ca.pem"), self.at("ca.key"));
        let [certificate, key] = [&certificate, &key].map(|path| path.to_str().expect("UTF-8"));
        self.of_server(host, host, &["-CA", certificate, "-CAkey", key])
    }

    /// A certificate for a server of this name that nobody has signed but the server, with its key.
    pub fn unsigned(&self, host: &str) -> PathBuf {
        self.of_server("alone", host, &[])
    }

    fn of_server(&self, file: &str, host: &str, rest: &[&str]) -> PathBuf {
        let name = format!("subjectAltName=DNS:{host}");
        let extensions = ["-addext", &name, "-addext", "basicConstraints=critical,CA:FALSE"];
        self.make(file, "/CN=a server", &[extensions.as_slice(), rest].concat());
        self.both(file)
    }

    fn make(&self, file: &str, subject: &str, rest: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-nodes", "-days", "2", "-subj", subject]).args(rest);
        openssl.arg("-keyout").arg(self.at(&format!("{file}.key")));
        openssl.arg("-out").arg(self.at(&format!("{file}.pem")));
        let output = openssl.output().expect("openssl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A file of certificate and key.
    fn both(&self, file: &str) -> PathBuf {
        let parts = ["pem", "key"].map(|end| fs::read(self.at(&format!("{file}.{end}"))));
        let parts = parts.map(|part| part.expect("it was made"));
        let both = self.at(&format!("{file}.both"));
        fs::write(&both, parts.concat()).expect("written");
        both
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
