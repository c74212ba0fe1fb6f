//! Which page is answered with what.

use super::{
    classic, exposition, health,
    http::{Request, Response},
};
use crate::service::status::{Board, Status};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All pages.
#[derive(Debug)]
pub(super) struct Pages {
    board: Board,
    exporters_max: usize,
    /// The metrics of the status that was asked for last.
    made: Mutex<Option<Made>>,
}

/// The metrics of a status, in both dialects.
#[derive(Clone)]
struct Made {
    of: Arc<Status>,
    openmetrics: Arc<str>,
    classic: Arc<str>,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Made({} bytes)", self.openmetrics.len())
    }
}

impl Pages {
    pub fn new(board: Board, exporters_max: usize) -> Self {
        Self { board, exporters_max, made: Mutex::default() }
    }

    /// The page that is asked for.
    pub fn answer(&self, request: &Request) -> Response<Arc<str>> {
        match request.path.as_str() {
            "/metrics" => self.metrics(&request.accept),
            "/healthz" => sound(health::alive(self.board.read_with_age().1)),
            "/readyz" => {
                let (status, age) = self.board.read_with_age();
                sound(health::ready(&status, age))
            }
            "/" => Response::plain("200 OK", "logweir: /metrics /healthz /readyz\n".into()),
            _ => {
                Response::plain("404 Not Found", "there is /metrics, /healthz and /readyz\n".into())
            }
        }
    }

    fn metrics(&self, accept: &str) -> Response<Arc<str>> {
        let (status, Some(_)) = self.board.read_with_age() else {
            return sound(health::alive(None));
        };
        let made = self.make(status);
        if accept.contains("application/openmetrics-text") {
            Response { status: "200 OK", content_type: OPENMETRICS, body: made.openmetrics }
        } else {
            Response { status: "200 OK", content_type: CLASSIC, body: made.classic }
        }
    }

    /// Those who ask meanwhile wait, and get the same.
    fn make(&self, of: Arc<Status>) -> Made {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| Arc::ptr_eq(&made.of, &of)) {
            return made.clone();
        }
        let openmetrics = exposition::openmetrics(Arc::clone(&of), self.exporters_max);
        let classic = classic::from_openmetrics(&openmetrics).into();
        made.insert(Made { of, openmetrics: openmetrics.into(), classic }).clone()
    }
}

fn sound(health: Result<(), String>) -> Response<Arc<str>> {
    match health {
        Ok(()) => Response::plain("200 OK", "ok\n".into()),
        Err(sentence) => Response::plain("503 Service Unavailable", format!("{sentence}\n").into()),
    }
}
