//! `logweir top`: what a running collector does, live in the terminal.

mod exporters;
mod frame;
mod rates;
mod words;

use super::place::Place;
use crate::{
    cli::Failure,
    service::{
        control::{self, Request},
        status::Status,
    },
};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers},
    layout::Size,
    text::Text,
};
use std::{
    io,
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// Arguments of `top`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// How often to look
    #[arg(long, value_name = "SECONDS", default_value_t = 2,
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    every: u64,
    /// Print what there was to see after one such time as plain text, and end
    #[arg(long)]
    once: bool,
}

/// The size of what is printed once: all exporters are in it.
const PRINTED: Size = Size { width: 120, height: u16::MAX };

/// Shows a collector until q or Ctrl-C is pressed.
///
/// # Errors
/// Nobody answers at the socket, or there is no terminal.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let socket = args.place.socket();
    let every = Duration::from_secs(args.every);
    let mut seen = Seen::new(look(&socket).map_err(Failure::other)?);
    if args.once {
        thread::sleep(every);
        seen.take(look(&socket).map_err(Failure::other)?);
        for line in frame::lines(&seen.before, &seen.now, PRINTED) {
            crate::say(line.to_string().trim_end());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let terminal_failed = |error: io::Error| {
        Failure::other(format!("no terminal to draw in (--once needs none): {error}"))
    };
    // It also lets a panic restore the terminal before it is told.
    let mut terminal = ratatui::try_init().map_err(terminal_failed)?;
    let ended = watch(&mut terminal, &socket, every, seen);
    ratatui::try_restore().map_err(terminal_failed)?;
    ended.map(|()| ExitCode::SUCCESS)
}

/// Asks the collector.
fn look(socket: &Path) -> Result<Status, String> {
    let answer = control::ask(socket, &Request::Status)?.next();
    let answer = answer.ok_or("the collector does not answer: ask again later")??;
    serde_json::from_value(answer)
        .map_err(|error| format!("the collector's answer is not understood: {error}"))
}

/// Two looks at a collector, of which the second is later.
#[derive(Debug)]
struct Seen {
    before: Status,
    now: Status,
}

impl Seen {
    fn new(first: Status) -> Self {
        Self { before: first.clone(), now: first }
    }

    /// Takes another look, unless nothing was posted meanwhile.
    fn take(&mut self, next: Status) {
        if next.started_at != self.now.started_at {
            *self = Self::new(next);
        } else if next.at != self.now.at {
            self.before = std::mem::replace(&mut self.now, next);
        }
    }
}

fn watch(
    terminal: &mut DefaultTerminal,
    socket: &Path,
    every: Duration,
    mut seen: Seen,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::other(format!("the terminal fails: {error}"));
    loop {
        let looked = Instant::now();
        terminal
            .draw(|frame| {
                let lines = frame::lines(&seen.before, &seen.now, frame.area().as_size());
                frame.render_widget(Text::from(lines), frame.area());
            })
            .map_err(failed)?;
        while let Some(left) = every.checked_sub(looked.elapsed()) {
            if !event::poll(left).map_err(failed)? {
                break;
            }
            match event::read().map_err(failed)? {
                Event::Key(key) if is_to_leave(key) => return Ok(()),
                Event::Resize(..) => break,
                _ => {}
            }
        }
        seen.take(look(socket).map_err(Failure::other)?);
    }
}

fn is_to_leave(key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    matches!(key.code, KeyCode::Char('q')) || (control && key.code == KeyCode::Char('c'))
}

#[cfg(test)]
mod tests;
