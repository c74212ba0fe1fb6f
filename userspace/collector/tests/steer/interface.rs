//! The program on interfaces, each in a network namespace of its own.

use std::{net::UdpSocket, os::fd::AsFd as _, sync::mpsc, time::Duration};

use logweir::steering::{
    AttachMode, AttachedMode, Listener, Steering, SteeringConfig, SteeringError, Trial,
};
use logweir_abi::Counter;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use crate::{
    frames::Shape,
    host::{in_network_namespace, interface_index, ip, is_root, xdp_socket},
};

fn load() -> Steering {
    let listeners = vec![Listener { address: None, port: 514, number: 7 }];
    Steering::load(&SteeringConfig { listeners, allow: vec![] })
        .expect("the kernel takes the program")
}

fn has_program(interface: &str) -> bool {
    ip(&format!("link show dev {interface}")).contains("prog/xdp")
}

#[test]
fn the_verifier_takes_the_program_from_a_process_without_further_privileges() {
    if !is_root("the_verifier_takes_the_program_from_a_process_without_further_privileges") {
        return;
    }
    in_network_namespace(|| {
        ip("link add name weir0 type veth peer name weir1");
        // Capabilities belong to the thread, and go with it.
        let few = CapabilitySet::BPF | CapabilitySet::NET_ADMIN;
        let sets = CapabilitySets { effective: few, permitted: few, ..none() };
        set_capabilities(None, sets).expect("to give capabilities up");
        let mut steering = load();
        steering.attach("weir0", AttachMode::Native).expect("native mode on veth");

        set_capabilities(None, none()).expect("to give capabilities up");
        let error = Steering::load(&SteeringConfig::default()).expect_err("no capability is left");
        assert!(matches!(error, SteeringError::LoadNotPermitted), "{error}");
    });
}

fn none() -> CapabilitySets {
    let empty = CapabilitySet::empty();
    CapabilitySets { effective: empty, permitted: empty, inheritable: empty }
}

#[test]
fn native_mode_comes_first_and_generic_mode_where_it_must() {
    if !is_root("native_mode_comes_first_and_generic_mode_where_it_must") {
        return;
    }
    in_network_namespace(|| {
        ip("link add name weir0 type veth peer name weir1");

        let mut steering = load();
        let mode = steering.attach("weir0", AttachMode::Auto).expect("weir0");
        assert_eq!(mode, AttachedMode::Native);
        assert!(ip("link show dev weir0").contains("xdp"), "in the driver");
        let error = steering.attach("weir1", AttachMode::Auto).expect_err("it is on weir0");
        assert!(error.to_string().contains("weir0"), "{error}");
        drop(steering);
        assert!(!has_program("weir0"), "dropping detaches");

        let mut steering = load();
        let error =
            steering.attach("lo", AttachMode::Native).expect_err("the loopback device has no XDP");
        assert!(error.to_string().contains("lo in native mode"), "{error}");
        let mode = steering.attach("lo", AttachMode::Auto).expect("lo");
        assert!(matches!(mode, AttachedMode::Generic { native_refused: Some(_) }), "{mode}");
        assert!(has_program("lo"));
        steering.detach().expect("lo");
        assert!(!has_program("lo"), "detaching detaches");
        let mode = steering.attach("weir0", AttachMode::Generic).expect("weir0");
        assert_eq!(mode, AttachedMode::Generic { native_refused: None });
    });
}

#[test]
fn what_is_in_the_way_is_named() {
    if !is_root("what_is_in_the_way_is_named") {
        return;
    }
    in_network_namespace(|| {
        ip("link add name weir0 type veth peer name weir1");
        let (mut first, mut second) = (load(), load());
        for name in ["weir9", "", "weir\0", "a name that is far too long for an interface"] {
            let error = first.attach(name, AttachMode::Auto).expect_err(name);
            assert!(matches!(error, SteeringError::UnknownInterface { .. }), "{error}");
        }
        first.attach("weir0", AttachMode::Auto).expect("weir0");
        for mode in [AttachMode::Auto, AttachMode::Native, AttachMode::Generic] {
            let error = second.attach("weir0", mode).expect_err("weir0 is taken");
            assert!(matches!(error, SteeringError::Occupied { .. }), "{error}");
        }
        let error = first.insert_socket(256, xdp_socket().as_fd()).expect_err("256 slots");
        assert!(matches!(error, SteeringError::QueueOutOfRange { queue: 256 }), "{error}");
        let file = std::fs::File::open("/dev/null").expect("a file");
        let error = first.insert_socket(3, file.as_fd()).expect_err("no socket");
        assert!(error.to_string().contains("queue 3"), "{error}");
        first.remove_socket(3).expect("an empty slot is no error");

        let twice = vec![Listener { address: None, port: 514, number: 1 }; 2];
        let config = SteeringConfig { listeners: twice, allow: vec![] };
        let error = Steering::load(&config).expect_err("two listeners");
        assert_eq!(error.to_string(), "two listeners for port 514 on any address");
    });
}

#[test]
fn a_frame_goes_to_the_socket_of_its_queue_only() {
    if !is_root("a_frame_goes_to_the_socket_of_its_queue_only") {
        return;
    }
    in_network_namespace(|| {
        ip("link add name weir0 numrxqueues 3 type veth peer name weir1");
        ip("link set dev weir0 up");
        ip("link set dev weir1 up");
        let mut steering = load();
        // veth has its queues ready for XDP once a program is there.
        steering.attach("weir0", AttachMode::Native).expect("weir0");
        let socket = xdp_socket();
        steering.insert_socket(1, socket.as_fd()).expect("queue 1");
        let frame = Shape::v4().build();
        let index = interface_index("weir0");
        for (queue, action) in [(0, 2), (1, 4), (2, 2)] {
            let trial = Trial { rx_queue: Some((index, queue)), ..Trial::new(&frame) };
            assert_eq!(steering.try_frame(&trial).expect("a run").action, action, "{queue}");
        }
    });
}

#[test]
fn without_an_xdp_socket_the_udp_socket_gets_the_datagram() {
    if !is_root("without_an_xdp_socket_the_udp_socket_gets_the_datagram") {
        return;
    }
    for mode in [AttachMode::Native, AttachMode::Generic] {
        in_network_namespace(move || {
            ip("link add name weir0 type veth peer name weir1");
            let (done, exporter_done) = mpsc::channel::<()>();
            let (id, exporter_id) = mpsc::channel();
            let (ready, exporter_ready) = mpsc::channel::<()>();
            let exporter = std::thread::spawn(move || {
                in_network_namespace(move || {
                    id.send(rustix::thread::gettid()).expect("the collector listens");
                    exporter_ready.recv().expect("the collector is ready");
                    ip("address add 192.0.2.1/24 dev weir1");
                    ip("link set dev weir1 up");
                    let socket = UdpSocket::bind("192.0.2.1:0").expect("a socket");
                    for _ in 0..10 {
                        socket.send_to(b"a log", "192.0.2.2:514").expect("a datagram is sent");
                    }
                    exporter_done.recv().expect("the collector has it");
                });
            });
            let exporter_id = exporter_id.recv().expect("the exporter's thread");
            ip(&format!("link set dev weir1 netns {}", exporter_id.as_raw_nonzero()));
            ip("address add 192.0.2.2/24 dev weir0");
            ip("link set dev weir0 up");
            let mut steering = load();
            steering.attach("weir0", mode).expect("weir0");
            let socket = UdpSocket::bind("192.0.2.2:514").expect("a socket");
            socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a time limit");
            ready.send(()).expect("the exporter waits");
            let mut buffer = [0; 100];
            for _ in 0..10 {
                let len = socket.recv(&mut buffer).expect("a datagram arrives");
                assert_eq!(&buffer[..len], b"a log");
            }
            let counters = steering.counters().expect("counters");
            assert_eq!(counters[Counter::NoSocket], 10);
            assert_eq!(counters[Counter::Redirected], 0);
            assert!(counters[Counter::NotIp] >= 1, "ARP was seen: {counters:?}");
            done.send(()).expect("the exporter waits");
            exporter.join().expect("the exporter");
        });
    }
}
