//! How long the program takes for a frame, by many runs over it (`BPF_PROG_TEST_RUN`).
//!
//! A repeat finds the metadata that the one before it wrote, which no frame from a driver carries.
//! So each repeat goes through a program that takes it away first; `ebpf/steer/src/timing.rs` has
//! it, and the program that passes everything, to compare with.

use aya::{
    Ebpf, EbpfLoader, TestRun as _, TestRunOptions,
    maps::{MapData, ProgramArray},
    programs::{ProgramError, ProgramFd, Xdp},
};
use rustix::time::{ClockId, clock_gettime};

use super::{Steering, SteeringError, map_error, take};

/// The programs as they are committed.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../../ebpf/object/timing.o");

/// The names of the programs and the map in the object.
const PASS: &str = "pass";
const AGAIN: &str = "again";
const CALL: &str = "call";
const CLOCK: &str = "clock";
const NEXT: &str = "NEXT";

/// The programs that go before the one to be timed, and beside it.
pub struct Timing {
    ebpf: Ebpf,
    next: ProgramArray<MapData>,
}

/// Which program is timed.
#[derive(Clone, Copy, Debug)]
pub enum Timed<'a> {
    /// The one that passes everything, by itself.
    Pass,
    /// The same behind the one that takes metadata away.
    PassAgain,
    /// A call of the kernel that does next to nothing.
    Call,
    /// A reading of the kernel's clock.
    Clock,
    /// The steering program behind the one that takes metadata away.
    SteerAgain(&'a Steering),
}

/// One run over a frame, as the mean of many.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The XDP action: 1 drop, 2 pass, 4 redirect.
    pub action: u32,
    /// CPU time of the calling thread for one run, in nanoseconds. The kernel's own figure is the
    /// same, rounded to whole nanoseconds.
    pub ns: f64,
}

impl Timing {
    /// Loads the programs into the kernel.
    pub fn load() -> Result<Self, SteeringError> {
        let mut ebpf = EbpfLoader::new().load(OBJECT).map_err(SteeringError::from_load)?;
        for name in [PASS, AGAIN, CALL, CLOCK] {
            let program: &mut Xdp = ebpf
                .program_mut(name)
                .and_then(|program| program.try_into().ok())
                .ok_or(SteeringError::Object { missing: name })?;
            program.load().map_err(|source| SteeringError::from_load(source.into()))?;
        }
        let next = take(&mut ebpf, NEXT)?;
        Ok(Self { ebpf, next })
    }

    /// Runs a program `repeat` times over a frame.
    pub fn run(
        &mut self,
        timed: Timed<'_>,
        frame: &[u8],
        repeat: u32,
    ) -> Result<Run, SteeringError> {
        let (first, next) = match timed {
            Timed::Pass => (PASS, None),
            Timed::Call => (CALL, None),
            Timed::Clock => (CLOCK, None),
            Timed::PassAgain => (AGAIN, Some(fd(self.program(PASS)?)?)),
            Timed::SteerAgain(steering) => (AGAIN, Some(fd(steering.program()?)?)),
        };
        if let Some(program) = next {
            self.next.set(0, &program, 0).map_err(|source| map_error(NEXT, source))?;
        }
        let before = thread_ns();
        let result = self
            .program(first)?
            .test_run(TestRunOptions { data_in: Some(frame), repeat, ..TestRunOptions::new() })
            .map_err(|source| SteeringError::Trial { source: Box::new(source) })?;
        let ns = (thread_ns() - before) as f64 / f64::from(repeat);
        Ok(Run { action: result.return_value, ns })
    }

    fn program(&self, name: &'static str) -> Result<&Xdp, SteeringError> {
        self.ebpf
            .program(name)
            .and_then(|program| program.try_into().ok())
            .ok_or(SteeringError::Object { missing: name })
    }
}

fn fd(program: &Xdp) -> Result<ProgramFd, SteeringError> {
    let trial = |source: ProgramError| SteeringError::Trial { source: Box::new(source) };
    program.fd().and_then(|fd| fd.try_clone().map_err(ProgramError::IOError)).map_err(trial)
}

/// CPU time of this thread.
fn thread_ns() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
