//! What was measured, as figures, plots and a table.

use super::{
    TWO_WORKERS, XDP,
    measure::{Latencies, Measured, highest},
    place::Stage,
    systems::{Keep, Way},
    traffic::Traffic,
    trial::Trial,
};
use crate::bench::result::{Against, Figure, Line, Plot, Results, Target};

/// How packets came in and whose time is counted.
pub fn mode(stage: &Stage) -> String {
    let (collector, sender) = (&stage.collector_cpus, &stage.sender_cpus);
    match &stage.interface {
        None => format!(
            "veth pair, fed with XDP frames as a NIC's driver would; AF_XDP in copy mode, XDP \
             native; collector and the kernel's receive thread (threaded NAPI, GRO on, polled each \
             50 µs) together on processor {collector}, sender on {sender}. Counted are the \
             collector's processes to their end, the receive thread and softirqs of processor \
             {collector}, not the sender. What the veth ring of 256 packets cannot take is lost, as \
             in a NIC"
        ),
        Some(interface) => format!(
            "{interface}; collector on processors {collector}; counted are its processes to their \
             end and softirqs of these processors"
        ),
    }
}

const NOT_TRIED: &str = "zero-copy drivers, several queues and RSS cannot be tried on veth";

/// Puts all of it into the results.
pub fn fill(
    results: &mut Results,
    measured: &[Measured],
    common: &[(String, Trial)],
    latencies: &[Latencies],
) {
    for traffic in Traffic::ALL {
        let of: Vec<_> = storing(measured, traffic).collect();
        results.figures.extend(compare(
            &of,
            &format!("highest rate without loss, {}, stored", traffic.words()),
            "records/s",
            |trial| trial.sent.rate(),
        ));
        results.figures.extend(compare(
            &of,
            &format!("{}, received and stored", traffic.words()),
            "records a CPU-second",
            Trial::records_a_cpu_second,
        ));
        results.plots.push(Plot {
            title: format!("Loss against offered rate, {}", traffic.words()),
            x: "records/s".into(),
            y: "% lost".into(),
            log_x: true,
            lines: of.iter().map(|measured| loss_line(measured)).collect(),
        });
    }
    results.figures.extend(receive_and_decode(common));
    results.figures.extend(latency(latencies));
    results.plots.push(Plot {
        title: "Arrival to decoded, at half of the highest rate without loss".into(),
        x: "percentile".into(),
        y: "µs".into(),
        log_x: false,
        lines: latencies
            .iter()
            .map(|way| Line { name: way.name.clone(), points: way.percentiles.clone() })
            .collect(),
    });
}

fn is_decoding_only(measured: &Measured) -> bool {
    measured.way.is_some_and(|way| way.keep == Keep::Count)
}

fn storing(measured: &[Measured], traffic: Traffic) -> impl Iterator<Item = &Measured> {
    measured.iter().filter(move |one| one.traffic == traffic && !is_decoding_only(one))
}

/// The first of ours that has a highest rate, against the others.
fn compare(
    systems: &[&Measured],
    what: &str,
    unit: &str,
    value: impl Fn(&Trial) -> f64,
) -> Option<Figure> {
    let of_ours = |one: &&&Measured| one.way.is_some() && one.highest.is_some();
    let first = systems.iter().find(of_ours)?;
    let ours = value(&first.highest?);
    let others = systems.iter().filter(|other| other.name != first.name);
    let against = others.filter_map(|other| {
        let theirs = value(&other.highest?);
        Some(Against { what: other.name.clone(), value: theirs, ratio: ours / theirs })
    });
    let mut notes = vec![NOT_TRIED.to_owned()];
    for system in systems {
        if system.is_limited_by_sender {
            notes.push(format!("{}: the generator was the limit", system.name));
        }
        if system.highest.is_none() {
            notes.push(format!("{}: lost records at every rate tried", system.name));
        }
    }
    Some(Figure {
        row: None,
        what: format!("{what}: {}", first.name),
        value: ours,
        unit: unit.to_owned(),
        against: against.collect(),
        target: None,
        note: notes.join("; "),
    })
}

fn loss_line(measured: &Measured) -> Line {
    let mut points: Vec<_> =
        measured.trials.iter().map(|trial| (trial.sent.rate(), 100.0 * trial.loss())).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    Line { name: measured.name.clone(), points }
}

/// Row 7: the first way in against the others.
fn receive_and_decode(ways: &[(String, Trial)]) -> Option<Figure> {
    let ((name, ours), others) = ways.split_first()?;
    let value = ours.datagrams_a_cpu_second();
    let against: Vec<_> = others
        .iter()
        .map(|(name, theirs)| {
            let theirs = theirs.datagrams_a_cpu_second();
            Against { what: name.clone(), value: theirs, ratio: value / theirs }
        })
        .collect();
    let met = against.iter().all(|against| against.ratio >= 3.0);
    Some(Figure {
        row: Some(7),
        what: format!(
            "Huawei USG syslog received and decoded, at {:.0} datagrams/s: {name}",
            ours.sent.datagram_rate()
        ),
        value,
        unit: "packets a CPU-second".into(),
        against,
        target: Some(Target { words: "≥ 3 × the same worker on recvmmsg".into(), met }),
        note: format!(
            "AF_XDP on veth copies each packet into the UMEM, and the decoding is the same on both \
             sides: the rest is what the socket and the stack take; {NOT_TRIED}"
        ),
    })
}

/// What a second worker gives where one exporter's 5-tuple brings everything to one queue.
pub fn one_exporter(measured: &[Measured], stage: &Stage) -> Option<Figure> {
    let [two, one] =
        [TWO_WORKERS, Way::decoding(XDP)].map(|way| highest(measured, way).map(|t| t.sent.rate()));
    let (two, one) = (two?, one?);
    let cpus = &stage.collector_cpus;
    Some(Figure {
        row: None,
        what: "one exporter's 5-tuple, syslog decoded, lossless rate with 2 workers against 1"
            .into(),
        value: two,
        unit: "records/s".into(),
        against: vec![Against { what: "1 worker".into(), value: one, ratio: two / one }],
        target: None,
        note: format!(
            "dealer, two workers and the kernel's receive thread share what --collector-cpus gives \
             them, here {cpus}: on one processor no gain can show; a second worker wants three, \
             and one for the receive thread"
        ),
    })
}

/// Row 8: busy polling against the others.
fn latency(latencies: &[Latencies]) -> Option<Figure> {
    let first = latencies.iter().find(|way| way.is_busy_polling)?;
    let p999 = first.p999();
    let others = latencies.iter().filter(|way| !way.is_busy_polling);
    let against = others.map(|other| Against {
        what: format!("{}, at {:.0} datagrams/s", other.name, other.rate),
        value: other.p999(),
        ratio: other.p999() / p999,
    });
    Some(Figure {
        row: Some(8),
        what: format!(
            "arrival to decoded, 99.9th percentile at {:.0} datagrams/s: {}",
            first.rate, first.name
        ),
        value: p999,
        unit: "µs".into(),
        against: against.collect(),
        target: Some(Target { words: "≤ 100 µs".into(), met: p999 <= 100.0 }),
        note: "arrival is when the XDP program or the kernel's stack saw the datagram; decoded is \
               when the burst that it came in was"
            .into(),
    })
}

/// Prints the table.
pub fn print(measured: &[Measured], common: &[(String, Trial)], latencies: &[Latencies]) {
    println!(
        "\n{:<38} {:>12} {:>12} {:>15} {:>9}  limit",
        "highest rate without loss", "datagrams/s", "records/s", "records/CPU-s", "CPU-s"
    );
    for one in measured {
        let name = format!("{} ({})", one.name, one.traffic.words());
        match one.highest {
            None => println!("{name:<38} lost records at every rate tried"),
            Some(trial) => println!(
                "{name:<38} {:>12.0} {:>12.0} {:>15.0} {:>9.2}  {}",
                trial.sent.datagram_rate(),
                trial.sent.rate(),
                trial.records_a_cpu_second(),
                trial.cpu_seconds(),
                if one.is_limited_by_sender { "the generator" } else { "the collector" },
            ),
        }
    }
    for (name, trial) in common {
        let (rate, value) = (trial.sent.datagram_rate(), trial.datagrams_a_cpu_second());
        println!("{name} at {rate:.0} datagrams/s: {value:.0} packets a CPU-second");
    }
    for way in latencies {
        let percentiles = way.percentiles.iter().map(|(percentile, micros)| match percentile {
            100.0 => format!("max {micros:.0} µs"),
            _ => format!("p{percentile} {micros:.0} µs"),
        });
        let percentiles: Vec<_> = percentiles.collect();
        println!("{} at {:.0} datagrams/s: {}", way.name, way.rate, percentiles.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{systems::Source, traffic::Sent},
        *,
    };

    fn measured(name: &str, way: Option<Way>, rate: Option<u64>) -> Measured {
        let highest = rate.map(|records| Trial {
            offered: None,
            sent: Sent { datagrams: records, records, seconds: 1.0 },
            stored: records,
            process_seconds: 1.0,
            receive_seconds: 0.0,
        });
        Measured {
            name: name.into(),
            traffic: Traffic::NetFlow,
            way,
            trials: Vec::new(),
            highest,
            is_limited_by_sender: false,
        }
    }

    fn compared(systems: &[Measured]) -> Option<Figure> {
        let systems: Vec<_> = systems.iter().collect();
        compare(&systems, "rate", "records/s", |trial| trial.sent.rate())
    }

    #[test]
    fn ours_is_never_another_system() {
        assert!(compared(&[measured("nfcapd", None, Some(10))]).is_none());
        let ours = measured("ours", Some(Way::storing(XDP)), Some(40));
        let figure = compared(&[measured("nfcapd", None, Some(10)), ours]).expect("a figure");
        assert_eq!(figure.what, "rate: ours");
        assert_eq!(figure.against.len(), 1);
        assert_eq!(figure.against[0].ratio, 4.0);
    }

    #[test]
    fn where_the_first_of_ours_loses_always_the_next_one_says_so() {
        let xdp = measured("xdp", Some(Way::storing(XDP)), None);
        let udp = measured("udp", Some(Way::storing(Source::Udp)), Some(20));
        let figure = compared(&[xdp, udp, measured("nfcapd", None, Some(10))]).expect("a figure");
        assert_eq!(figure.what, "rate: udp");
        assert!(figure.note.contains("xdp: lost records at every rate tried"), "{}", figure.note);
    }
}
