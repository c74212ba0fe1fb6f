//! Running the program over a frame without a device (`BPF_PROG_TEST_RUN`).

use aya::{TestRun as _, TestRunOptions};
use logweir_abi::FRAME_META_LEN;

use super::{Steering, SteeringError};

impl Steering {
    /// Runs the program over one frame without a device in between (`BPF_PROG_TEST_RUN`), with the
    /// maps as they are: the frame is counted, and nobody receives it. The kernel wants 14 bytes at
    /// least.
    pub fn try_frame(&self, trial: &Trial<'_>) -> Result<Verdict, SteeringError> {
        let len = trial.frame.len();
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex
        let data_end = trial.first_buffer_len.unwrap_or(len) as u32;
        let data = trial.metadata_len as u32;
        let (ifindex, queue) = trial.rx_queue.unwrap_or((0, 0));
        let mut context = [0; 24];
        for (bytes, value) in
            context.chunks_exact_mut(4).zip([data, data_end, 0, ifindex, queue, 0])
        {
            bytes.copy_from_slice(&value.to_ne_bytes());
        }
        let mut packet = vec![0; len + FRAME_META_LEN];
        let mut context_after = [0; 24];
        let result = self
            .program()?
            .test_run(TestRunOptions {
                data_in: Some(trial.frame),
                data_out: Some(&mut packet),
                ctx_in: Some(&context),
                ctx_out: Some(&mut context_after),
                ..TestRunOptions::new()
            })
            .map_err(|source| SteeringError::Trial { source: Box::new(source) })?;
        packet.truncate(result.data_size_out as usize);
        let [d0, d1, d2, d3, ..] = context_after;
        let metadata_len = u32::from_ne_bytes([d0, d1, d2, d3]) as usize;
        let packet_without_metadata = packet.split_off(metadata_len.min(packet.len()));
        Ok(Verdict {
            action: result.return_value,
            metadata: packet,
            packet: packet_without_metadata,
        })
    }
}

/// A frame for [`Steering::try_frame`].
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The frame, from the Ethernet header on.
    pub frame: &'a [u8],
    /// How many of its first bytes are not of the frame, but metadata that stands in front of it
    /// already.
    pub metadata_len: usize,
    /// How much of the whole lies in the first buffer; `None` for as much as fits. Linux 6.18 and
    /// later.
    pub first_buffer_len: Option<usize>,
    /// Index of the interface and number of the queue that it comes in on; `None` for queue 0 of
    /// the loopback device.
    pub rx_queue: Option<(u32, u32)>,
}

impl<'a> Trial<'a> {
    /// One run, in one buffer, on queue 0.
    pub fn new(frame: &'a [u8]) -> Self {
        Self { frame, metadata_len: 0, first_buffer_len: None, rx_queue: None }
    }
}

/// What the program made of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The XDP action: 1 drop, 2 pass, 4 redirect.
    pub action: u32,
    /// The metadata area that it left in front of the packet.
    pub metadata: Vec<u8>,
    /// The packet behind it.
    pub packet: Vec<u8>,
}
