use super::*;

fn even() -> Balance {
    let xdp = [(XdpCounter::Redirected, 90), (XdpCounter::Fragment, 10)];
    let mut balance = Balance {
        nic: Some(NicCounters { rx_packets: 100, ..NicCounters::default() }),
        xdp: Some(XdpBalance {
            nic_counts_same_frames: true,
            ..XdpBalance::new("native", xdp.into_iter())
        }),
        ring: Some(RingBalance { received: 80, rx_ring_full: 10, ..RingBalance::default() }),
        socket: Some(SocketBalance { received: 5, ..SocketBalance::default() }),
        datagrams: DatagramBalance {
            received: 85,
            decoded: 80,
            rejected: [("empty".into(), 4)].into(),
            dropped_no_batch: 1,
            ..DatagramBalance::default()
        },
        exporters: Some(vec![
            ExporterReport { datagrams: 80, ..ExporterReport::default() },
            ExporterReport { datagrams: 4, dropped_no_batch: 1, ..ExporterReport::default() },
        ]),
        records: RecordBalance {
            session: 170,
            port_block: 15,
            im: 10,
            filter: 5,
            unparsed: 4,
            stored: 200,
            failed: 4,
            ..RecordBalance::default()
        },
        ..Balance::default()
    };
    balance.close();
    balance
}

#[test]
fn an_even_balance_leaves_nothing() {
    assert_eq!(even().unaccounted, Unaccounted::default());
    assert!(even().to_string().ends_with("unaccounted 0"));
}

#[test]
fn what_the_stack_does_not_know_is_no_loss() {
    let nic = |rx_dropped, rx_missed| {
        let mut balance = even();
        balance.xdp.as_mut().unwrap().passed = [("not_ip".into(), 50)].into();
        balance.nic = Some(NicCounters { rx_dropped, rx_missed, ..NicCounters::default() });
        balance.nic_dropped()
    };
    // The rings had no room for 10 more.
    assert_eq!([nic(50, 0), nic(60, 0), nic(63, 0)], [0, 0, 3]);
    assert_eq!([nic(7, 7), nic(60, 7), nic(70, 7)], [7, 7, 10]);
}

/// Each counter takes part in some equation: changing any one is noticed.
#[test]
fn whatever_is_missing_shows() {
    let changes: [fn(&mut Balance); 18] = [
        |b| b.nic.as_mut().unwrap().rx_packets += 1,
        |b| b.xdp.as_mut().unwrap().redirected += 1,
        |b| b.xdp.as_mut().unwrap().seen += 1,
        |b| b.ring.as_mut().unwrap().rx_ring_full += 1,
        |b| b.socket.as_mut().unwrap().received += 1,
        |b| b.datagrams.received += 1,
        |b| b.datagrams.waiting += 1,
        |b| b.datagrams.dropped_no_batch -= 1,
        |b| b.datagrams.unnoted += 1,
        |b| b.exporters.as_mut().unwrap()[0].datagrams += 1,
        |b| b.exporters.as_mut().unwrap()[1].dropped_no_batch -= 1,
        |b| b.records.session += 1,
        |b| b.records.port_block += 1,
        |b| b.records.im += 1,
        |b| b.records.filter += 1,
        |b| b.records.unparsed += 1,
        |b| b.records.stored -= 1,
        |b| b.records.discarded += 1,
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut balance = even();
        change(&mut balance);
        balance.close();
        assert_ne!(balance.unaccounted.total, 0, "change {index}");
    }
}
