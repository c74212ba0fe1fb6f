//! As much of HTTP/1.1 (RFC 9112) as a scrape needs: one request without a body, one answer, and the
//! connection is closed.

use crate::service::timed::Timed;
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Longest head of a request, in bytes.
const HEAD_MAX: usize = 8 << 10;

/// Fields of a head, at most.
const FIELDS_MAX: usize = 64;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Without a query.
    pub path: String,
    /// The field `Accept`, in small letters.
    pub accept: String,
    /// Whether only the head of the answer is wanted.
    pub head_only: bool,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response<B> {
    /// The status, with its words.
    pub status: &'static str,
    pub content_type: &'static str,
    pub body: B,
}

impl<B: AsRef<str>> Response<B> {
    /// Text for people.
    pub fn plain(status: &'static str, body: B) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }
}

/// A connection, which has so long.
#[derive(Debug)]
pub(super) struct Connection(Timed<TcpStream>);

impl Connection {
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        Self(Timed::new(stream, patience))
    }

    /// Reads the head of a request.
    ///
    /// # Errors
    /// The outer one where there is nobody to answer, the inner one is the answer to a wrong request.
    pub fn read(&mut self) -> io::Result<Result<Request, Response<&'static str>>> {
        let mut head = [0; HEAD_MAX];
        let mut filled = 0;
        loop {
            let room = head.get_mut(filled..).unwrap_or_default();
            if room.is_empty() {
                return Ok(Err(Response::plain(
                    "431 Request Header Fields Too Large",
                    "too long\n",
                )));
            }
            match self.0.read(room)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
            match parse(head.get(..filled).unwrap_or_default()) {
                Ok(None) => {}
                Ok(Some(request)) => return Ok(Ok(request)),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
    }

    /// Writes an answer; of some only the head.
    ///
    /// # Errors
    /// Who asked is gone or takes it in too slowly.
    pub fn write<B: AsRef<str>>(
        &mut self,
        response: &Response<B>,
        head_only: bool,
    ) -> io::Result<()> {
        let Response { status, content_type, body } = response;
        let body = body.as_ref();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n"
        );
        self.0.write_all(head.as_bytes())?;
        if head_only { Ok(()) } else { self.0.write_all(body.as_bytes()) }
    }
}

/// A whole head; `None` where more must come.
fn parse(head: &[u8]) -> Result<Option<Request>, Response<&'static str>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Response::plain("400 Bad Request", "this is no HTTP/1.1\n")),
    }
    let head_only = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Response::plain("405 Method Not Allowed", "only GET and HEAD\n")),
    };
    let target = request.path.unwrap_or_default();
    let path = target.split_once('?').map_or(target, |(path, _)| path).to_owned();
    let accept = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case("accept"));
    let accept = accept.map(|field| String::from_utf8_lossy(field.value).to_lowercase());
    Ok(Some(Request { path, accept: accept.unwrap_or_default(), head_only }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let head = b"GET /metrics?x=1 HTTP/1.1\r\nHost: h\r\nACCEPT: Text/Plain\r\n\r\n";
        for length in 0..head.len() {
            assert_eq!(parse(&head[..length]), Ok(None), "{length}");
        }
        let request = parse(head).unwrap().unwrap();
        let expected =
            Request { path: "/metrics".into(), accept: "text/plain".into(), head_only: false };
        assert_eq!(request, expected);
    }

    #[test]
    fn what_is_no_question_is_refused() {
        for (head, status) in [
            ("POST / HTTP/1.1\r\n\r\n", "405"),
            ("\0\r\n\r\n", "400"),
            ("GET / HTTP/9\r\n\r\n", "400"),
        ] {
            assert!(parse(head.as_bytes()).unwrap_err().status.starts_with(status), "{head:?}");
        }
    }
}
