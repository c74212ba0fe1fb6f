//! Starting a pipeline: what is opened in which order.
//!
//! The UDP sockets come first, then the XDP program is attached, then the AF_XDP sockets are bound
//! and put into the program's map: so nothing that is sent to the ports in the meantime is lost.

use super::{
    Input, Instructions, Pipeline, PipelineConfig, WorkerThread,
    attached::{AttachedSteering, read_counters},
    settled, spawn_writer,
};
use crate::{
    clock,
    counters::{RingCounters, SocketCounters, WorkerCounters},
    dealer::Dealer,
    drops::DropBox,
    handoff::{self, Outlet},
    ledger::Ledger,
    losses::Losses,
    nic,
    notice::Notice,
    orders::Orders,
    sink::{Sink, SinkCounters},
    source::{Source, capture::CaptureSource, udp::UdpSource, xdp::XdpSource},
    steering::{self, AttachMode, Steering, SteeringConfig},
    worker::{Finished, Worker},
};
use logweir_decode::{decoder::Decoder, netflow::registry::Registry};
use logweir_xsk::{
    BusyPoll, FrameSize, Interface, PACKET_HEADROOM, Pages, Receiver, ReceiverOptions,
};
use rustix::thread::CpuSet;
use std::{
    sync::{Arc, atomic::AtomicBool},
    thread::{self, JoinHandle},
};

pub(super) fn start<S: Sink + Send + 'static>(
    sources: Sources,
    config: &PipelineConfig,
    sink: S,
    sink_counters: Arc<SinkCounters>,
) -> Result<Pipeline<S>, String> {
    let limits = Notice::new(config.settings.limits);
    let (outlets, inlet) = handoff::connect(&sources.batches(config), config.capacity);
    let drops = inlet.drops().clone();
    let ledger = Ledger::new(&config.settings.limits).following(limits.reader());
    let exporters = ledger.published().clone();
    let writer = spawn_writer(inlet, sink, ledger, sources.losses(), sink_counters.clone())
        .map_err(|error| thread_error(&error))?;
    let Sources { orders, rings, sockets, captures, steering, ring_mode, description } = sources;
    let mut crew = Crew {
        config,
        orders: &orders,
        registry: registry(config),
        outlets: outlets.into_iter(),
        drops,
        workers: Vec::new(),
    };
    let mut ring_counters = Vec::new();
    let mut socket_counters = Vec::new();
    for (queue, (source, counters)) in rings.into_iter().enumerate() {
        crew.hire(format!("lw-queue-{queue}"), queue, true, source)?;
        ring_counters.push(counters);
    }
    for (index, (source, counters)) in sockets.into_iter().enumerate() {
        let name = format!("lw-udp-{index}");
        if ring_counters.is_empty() {
            crew.hire(name, index, false, source)?;
        } else {
            // Beside AF_XDP the socket has little to do, and no processor of its own.
            crew.spawn(name, None, source)?;
        }
        socket_counters.push(counters);
    }
    for source in captures {
        crew.spawn("lw-capture".into(), None, source)?;
    }
    Ok(Pipeline {
        steering,
        workers: crew.workers,
        rings: ring_counters,
        rx_ring_size: config.rx_ring_size,
        sockets: socket_counters,
        ring_mode,
        writer,
        sink_counters,
        exporters,
        registry: crew.registry,
        instructions: Instructions { orders, limits, listeners: config.listeners.clone() },
        description,
    })
}

/// The templates of all exporters, with those that are known from before.
fn registry(config: &PipelineConfig) -> Arc<Registry> {
    let registry = Registry::new(config.settings.limits);
    let restored = registry.restore(&config.templates, &config.settings, clock::now());
    if restored > 0 {
        crate::tell(&format!("known from before: {}", crate::counted(restored as u64, "template")));
    }
    Arc::new(registry)
}

/// All sources of a pipeline, opened: what takes rights that running does not take.
pub struct Sources {
    /// What their threads are told.
    orders: Notice<Orders>,
    rings: Vec<(XdpSource, Arc<RingCounters>)>,
    sockets: Vec<(UdpSource, Arc<SocketCounters>)>,
    captures: Vec<CaptureSource>,
    steering: Option<AttachedSteering>,
    ring_mode: &'static str,
    description: String,
}

impl Sources {
    /// The counters of what is lost in front of the workers.
    fn losses(&self) -> Losses {
        Losses::new(
            self.rings.iter().map(|(_, counters)| counters.clone()).collect(),
            self.sockets.iter().map(|(_, counters)| counters.clone()).collect(),
            self.steering.as_ref().map(|attached| attached.lost.clone()),
        )
    }

    /// Batches of each worker, in the order in which they are started.
    fn batches(&self, config: &PipelineConfig) -> Vec<usize> {
        let PipelineConfig { batches, workers_per_queue, .. } = *config;
        // Beside AF_XDP the socket gets what the program passes up: next to nothing.
        const BESIDE_RINGS: usize = 4;
        let mut counts = vec![batches; self.rings.len() * workers_per_queue];
        counts.extend(if self.rings.is_empty() {
            vec![batches; self.sockets.len() * workers_per_queue]
        } else {
            vec![batches.min(BESIDE_RINGS); self.sockets.len()]
        });
        counts.extend(vec![batches; self.captures.len()]);
        counts
    }

    /// Opens them.
    ///
    /// # Errors
    /// One sentence that says what could not be had.
    pub fn open(config: &PipelineConfig) -> Result<Self, String> {
        let mut sources = Self {
            orders: Notice::new(Orders::new(&config.settings, &config.listeners, &config.allow)),
            rings: Vec::new(),
            sockets: Vec::new(),
            captures: Vec::new(),
            steering: None,
            ring_mode: "none",
            description: String::new(),
        };
        match &config.input {
            Input::Xdp { interface, queues } => {
                sources.open_sockets(config, 1)?;
                sources.open_rings(config, interface, *queues)?;
            }
            Input::Udp { workers } => sources.open_sockets(config, *workers)?,
            Input::Capture { files, exporter } => {
                sources.description = format!("reading {} files", files.len());
                sources.captures.push(CaptureSource::new(files.clone(), *exporter));
            }
        }
        Ok(sources)
    }

    fn open_sockets(&mut self, config: &PipelineConfig, workers: usize) -> Result<(), String> {
        UdpSource::check_free(&config.listeners)?;
        let mut buffer_bytes = usize::MAX;
        for _ in 0..workers {
            let counters = Arc::new(SocketCounters::default());
            let source = UdpSource::bind(
                &config.listeners,
                self.orders.reader(),
                config.receive_buffer_bytes,
                counters.clone(),
            )?;
            buffer_bytes = buffer_bytes.min(source.receive_buffer_bytes());
            self.sockets.push((source, counters));
        }
        self.description = format!(
            "UDP sockets (recvmmsg), {}, receive buffer {} KiB",
            crate::counted(workers as u64, "worker"),
            buffer_bytes / 1024
        );
        Ok(())
    }

    fn open_rings(
        &mut self,
        config: &PipelineConfig,
        interface: &str,
        queues: Option<u32>,
    ) -> Result<(), String> {
        let queues = check_queues(interface, queues)?;
        let mut steering = Steering::load(&SteeringConfig {
            listeners: config.listeners.iter().map(steering::Listener::from).collect(),
            allow: config.allow.clone(),
        })
        .map_err(|error| error.to_string())?;
        let options = ReceiverOptions {
            rx_ring_size: config.rx_ring_size,
            frame_size: FrameSize::Bytes4096,
            busy_poll: config.busy_poll.then(BusyPoll::default),
            ..ReceiverOptions::default()
        };
        let frame_len_max = options.frame_size.bytes() - PACKET_HEADROOM;
        steering.set_frame_len_max(frame_len_max).map_err(|error| error.to_string())?;
        let mode =
            steering.attach(interface, AttachMode::Auto).map_err(|error| error.to_string())?;
        let nic_start = settled::start(|| read_counters(interface, &steering));
        let device = Interface::by_name(interface).map_err(|error| error.to_string())?;
        let mut zero_copy = true;
        let mut huge_pages = true;
        for queue in 0..queues {
            let receiver =
                Receiver::open(&device, &[queue], &options).map_err(|error| error.to_string())?;
            zero_copy &= receiver.is_zero_copy();
            huge_pages &= receiver.pages() == Pages::Huge2MiB;
            for (queue, socket) in receiver.sockets() {
                steering.insert_socket(queue, socket).map_err(|error| error.to_string())?;
            }
            let counters = Arc::new(RingCounters::default());
            self.rings.push((XdpSource::new(receiver, counters.clone()), counters));
        }
        self.ring_mode = if zero_copy { "zero-copy" } else { "copy" };
        let pages = if huge_pages { "huge" } else { "normal" };
        self.description = format!(
            "AF_XDP on {interface}, {}, XDP in {mode}, {} sockets, {pages} pages; what XDP passes up by {}",
            crate::counted(queues, "queue"),
            self.ring_mode,
            self.description
        );
        self.steering = Some(AttachedSteering {
            steering,
            interface: interface.to_owned(),
            mode,
            nic_start,
            lost: Arc::default(),
        });
        Ok(())
    }
}

/// The RX queues to take of an interface: as many as were asked for, or all.
pub(super) fn check_queues(interface: &str, queues: Option<u32>) -> Result<u32, String> {
    let available = nic::rx_queues(interface).ok_or_else(|| nic::unknown_interface(interface))?;
    let queues = queues.unwrap_or(available);
    if queues == 0 || queues > available {
        return Err(format!("queues is {queues}: {interface} has {available}, and 1 is the least"));
    }
    Ok(queues)
}

fn thread_error(error: &std::io::Error) -> String {
    format!("cannot start a thread: {error}")
}

/// Starts the workers.
struct Crew<'a> {
    config: &'a PipelineConfig,
    orders: &'a Notice<Orders>,
    registry: Arc<Registry>,
    outlets: std::vec::IntoIter<Outlet>,
    drops: DropBox,
    workers: Vec<WorkerThread>,
}

impl Crew<'_> {
    /// Starts what takes the datagrams of the `index`th source of its kind: a worker, or a dealer and
    /// the workers that it deals out to.
    fn hire<S: Source + 'static>(
        &mut self,
        name: String,
        index: usize,
        reads_ring: bool,
        source: S,
    ) -> Result<(), String> {
        let workers = self.config.workers_per_queue;
        if workers == 1 {
            self.spawn(name, Some(index), source)?.reads_ring = reads_ring;
            return Ok(());
        }
        let cpu = index * (1 + workers);
        let stop = Arc::new(AtomicBool::new(false));
        let counters = Arc::new(WorkerCounters::default());
        let drops = self.drops.clone();
        let (dealer, dealt) = Dealer::new(source, workers, counters.clone(), drops, stop.clone());
        let dealer = dealer.busy_polling(self.config.busy_poll);
        for (number, source) in dealt.into_iter().enumerate() {
            let worker = self.spawn(format!("{name}.{number}"), Some(cpu + 1 + number), source)?;
            // It ends when the dealer has, and all that was dealt is decoded.
            worker.stop = stop.clone();
            worker.reads_ring = reads_ring;
        }
        let thread = start_thread(&name, Some(cpu), move || dealer.run())?;
        self.workers.push(WorkerThread { name, stop, reads_ring, counters, thread });
        Ok(())
    }

    fn spawn<S: Source + 'static>(
        &mut self,
        name: String,
        cpu: Option<usize>,
        source: S,
    ) -> Result<&mut WorkerThread, String> {
        let outlet = self.outlets.next().ok_or("more workers than outlets")?;
        let counters = Arc::new(WorkerCounters::default());
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker::new(
            source,
            Decoder::new(self.registry.clone(), self.config.settings.clone()),
            self.orders.reader(),
            outlet,
            counters.clone(),
            stop.clone(),
        )
        // Only on a processor of its own: beside AF_XDP the UDP socket has none.
        .busy_polling(self.config.busy_poll && cpu.is_some());
        let thread = start_thread(&name, cpu, move || worker.run())?;
        let worker = WorkerThread { name, stop, reads_ring: false, counters, thread };
        Ok(self.workers.push_mut(worker))
    }
}

fn start_thread(
    name: &str,
    cpu: Option<usize>,
    run: impl FnOnce() -> Finished + Send + 'static,
) -> Result<JoinHandle<Finished>, String> {
    let run = move || {
        if let Some(cpu) = cpu {
            pin(cpu);
            raise_priority();
        }
        run()
    };
    thread::Builder::new().name(name.into()).spawn(run).map_err(|error| thread_error(&error))
}

/// Pins the calling thread to the `index`th of the processors that it may use. Where that is
/// refused it runs unpinned, which is slower and not wrong.
fn pin(index: usize) {
    let Ok(allowed) = rustix::thread::sched_getaffinity(None) else { return };
    let cpus: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    if cpus.is_empty() {
        return;
    }
    let mut own = CpuSet::new();
    own.set(cpus[index % cpus.len()]);
    let _ = rustix::thread::sched_setaffinity(None, &own);
}

/// A worker that waits for its turn loses datagrams, the writer only time. Where the process may
/// not raise its priority (no `CAP_SYS_NICE`), it runs without.
fn raise_priority() {
    const NICE: i32 = -10;
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}
