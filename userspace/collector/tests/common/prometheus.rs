//! A real Prometheus, and as much of HTTP as it takes to ask it.

use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

/// Asks over HTTP: the status and the body. The status is 0 where nobody answers.
pub fn get(address: &str, path: &str) -> (u16, String) {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    let answer = ask().unwrap_or_default();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

/// A Prometheus that scrapes a collector each second. It is killed when it is dropped.
pub struct Prometheus {
    child: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    pub fn start(address: &str, target: &str, rules: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let rules = rules.canonicalize().expect("the rules");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{}']\n\
             scrape_configs:\n  - job_name: logweir\n    static_configs: [{{targets: ['{target}']}}]\n",
            rules.display()
        );
        let path = directory.path().join("prometheus.yml");
        fs::write(&path, config).expect("room");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--log.level=error"])
            .stdin(Stdio::null())
            .spawn()
            .expect("Prometheus starts");
        Self { child, address: address.to_owned(), _directory: directory }
    }

    /// The series that a query finds.
    pub fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let digits = query.bytes().map(|byte| format!("%{byte:02x}"));
        let path = format!("/api/v1/query?query={}", digits.collect::<String>());
        let data = self.ask(&path)?;
        Ok(data["result"].as_array().cloned().unwrap_or_default())
    }

    /// What it knows of the rules.
    pub fn rules(&self) -> Vec<Value> {
        let data = self.ask("/api/v1/rules").expect("an answer");
        let groups = data["groups"].as_array().expect("groups");
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
        rules.cloned().collect()
    }

    fn ask(&self, path: &str) -> Result<Value, String> {
        let (status, body) = get(&self.address, path);
        if status != 200 {
            return Err(format!("{status}: {body}"));
        }
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        Ok(answer["data"].clone())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
