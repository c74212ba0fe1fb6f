//! Datagrams that are made before the first is sent, and sent over and over: then it is not their
//! making that limits the rate. Their sequence numbers repeat with them.

use super::{Pace, Sent, outlet::Framer};
use logweir_traffic::{DatagramInfo, Model};
use logweir_xsk::Sender;
use std::{
    hint,
    time::{Duration, Instant},
};

/// Frames of datagrams, one behind the other.
pub struct Replay {
    bytes: Vec<u8>,
    frames: Vec<PreparedFrame>,
}

struct PreparedFrame {
    start: usize,
    len: usize,
    info: DatagramInfo,
}

/// Frames that are queued before the clock is looked at.
const BURST: usize = 64;

/// How long a full TX ring may stay full.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest frame of the model.
const FRAME_BYTES_MAX: usize = 2048;

impl Replay {
    /// Makes frames of the model's next `count` datagrams.
    pub fn prepare(model: &mut Model, framer: &mut Framer, count: usize) -> Self {
        let mut replay = Self { bytes: Vec::new(), frames: Vec::with_capacity(count) };
        let mut buffer = [0; FRAME_BYTES_MAX];
        while replay.frames.len() < count {
            let mut next = |out: &mut [u8]| Some(model.next_datagram(out, None));
            let Some((info, len)) = framer.write(&mut buffer, &mut next) else { break };
            let start = replay.bytes.len();
            replay.bytes.extend_from_slice(&buffer[..len]);
            replay.frames.push(PreparedFrame { start, len, info });
        }
        replay
    }

    /// Sends until `count` records are out or the time is up, at `rate` records a second. It spins
    /// between bursts: sleeping would make long ones.
    pub fn send(
        &self,
        sender: &mut Sender,
        count: u64,
        rate: u64,
        deadline: Option<Instant>,
    ) -> Result<Sent, String> {
        let mut pace = Pace::new(rate);
        let mut sent = Sent::default();
        let mut frames = self.frames.iter().cycle();
        while sent.records < count && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            let goal = sent.records + pace.due(sent.records).min(count - sent.records);
            if goal == sent.records {
                hint::spin_loop();
                continue;
            }
            let queued = sender.send(BURST, |_, out| {
                let next = if sent.records < goal { frames.next() } else { None };
                let Some(frame) = next else { return 0 };
                sent.add(&frame.info);
                out[..frame.len].copy_from_slice(&self.bytes[frame.start..frame.start + frame.len]);
                frame.len
            });
            if queued == 0 {
                sender.wait(Some(PATIENCE)).map_err(|error| error.to_string())?;
            }
        }
        sender.flush(PATIENCE).map_err(|error| error.to_string())?;
        Ok(sent)
    }
}
