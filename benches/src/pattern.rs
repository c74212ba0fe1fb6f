//! A parser such as anybody would write for one kind of line: one anchored pattern of the crate
//! `regex`, whose groups become numbers and addresses.

use crate::{
    answer::{Answer, Facts},
    engine::Engine,
    workload::Workload,
};
use regex::bytes::{CaptureLocations, Regex};
use std::{hint::black_box, net::IpAddr, str};

/// A kind of line.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    source: &'static str,
    facts: fn(&Groups<'_>) -> Option<Facts>,
}

/// *Default* content of a Huawei USG, either event.
pub const USG_DEFAULT: Pattern = Pattern {
    source: r"^<190>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ %%01SECLOG/6/SESSION_(BUILT|TEARDOWN)\(l\):IPVer=4,Protocol=(\w+),SourceIP=([^,]+),DestinationIP=([^,]+),SourcePort=(\d+),DestinationPort=(\d+)(?:,SourceNatIP=([^,]+),SourceNatPort=(\d+))?(?:,DestinationNatIP=([^,]+),DestinationNatPort=(\d+))?,BeginTime=(\d+)(?:,EndTime=(\d+),SendPkts=(\d+),SendBytes=(\d+),RcvPkts=(\d+),RcvBytes=(\d+))?,SourceVpnID=(\d+),DestinationVpnID=(\d+)(?:,SourceZone=([^,]+),DestinationZone=([^,]+))?(?:,PolicyName=([^,]+))?(?:,UserName=([^,]+))?(?:,CloseReason=([^,]+))?(?:,ApplicationName=([^,]+))?\.$",
    facts: |groups| {
        Some(Facts {
            ended: groups.get(1)? == b"TEARDOWN",
            protocol: protocol_number(groups.get(2)?),
            src_port: groups.number(5)?,
            dst_port: groups.number(6)?,
            nat_src_port: groups.number(8).unwrap_or(0),
            sent_packets: groups.number(13).unwrap_or(0),
            sent_bytes: groups.number(14).unwrap_or(0),
            received_packets: groups.number(15).unwrap_or(0),
            received_bytes: groups.number(16).unwrap_or(0),
            src: groups.address(3),
            dst: groups.address(4),
            nat_src: groups.address(7),
        })
    },
};

/// `mtn` content of a Huawei USG, either event, the words of its counters exchanged.
pub const USG_MTN: Pattern = Pattern {
    source: r"^<190>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ %%01SECLOG/6/SESSION_\w+\(l\): (Built|Teardown) an? (\w+) session, ([\d.]+):(\d+)(?:\[([\d.]+):(\d+)\])? \(([^)]*)\) to ([\d.]+):(\d+)(?:\[([\d.]+):(\d+)\])? \(([^)]*)\)(?:, duration (\d+), rcv (\d+) bytes via (\d+) packets, send (\d+) bytes via (\d+) packets)?\.$",
    facts: |groups| {
        Some(Facts {
            ended: groups.get(1)? == b"Teardown",
            protocol: protocol_number(groups.get(2)?),
            src_port: groups.number(4)?,
            dst_port: groups.number(9)?,
            nat_src_port: groups.number(6).unwrap_or(0),
            sent_packets: groups.number(16).unwrap_or(0),
            sent_bytes: groups.number(17).unwrap_or(0),
            received_packets: groups.number(14).unwrap_or(0),
            received_bytes: groups.number(15).unwrap_or(0),
            src: groups.address(3),
            dst: groups.address(8),
            nat_src: groups.address(5),
        })
    },
};

/// Sessions in China Telecom's bracket form, as one device prints them.
pub const CGN_CN: Pattern = Pattern {
    source: r"^<134> 1 (\d{4} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d) (\S+) (\S+) - (NAT444):Sessionbased([AW]) \[(\d+) ([\d.]+) - ([\d.]+) (\d+) (\d+) -\]$",
    facts: |groups| {
        Some(Facts {
            ended: groups.get(5)? == b"W",
            protocol: groups.number(6)?,
            src: groups.address(7),
            nat_src: groups.address(8),
            src_port: groups.number(9)?,
            nat_src_port: groups.number(10)?,
            ..Facts::default()
        })
    },
};

/// Filter logs of a FireBrick, TCP and UDP, as one device prints them.
pub const FIREBRICK: Pattern = Pattern {
    source: r"^<134>(.+): ((?:[0-9a-f]{2}:){5}[0-9a-f]{2}) (TCP|UDP)\((\d+)\) ([^/]+)/((?:[1-9]\d*|0)(?:\.(?:[1-9]\d*|0)){3})/(\d+)-([^/]+)/((?:[1-9]\d*|0)(?:\.(?:[1-9]\d*|0)){3})/(\d+)(?: ([SARF]+))? (Drop|Allow|Reject|Bounce)$",
    facts: |groups| {
        Some(Facts {
            protocol: groups.number(4)?,
            src: groups.address(6),
            src_port: groups.number(7)?,
            dst: groups.address(9),
            dst_port: groups.number(10)?,
            ..Facts::default()
        })
    },
};

/// IP protocol number of a name that the model prints.
pub fn protocol_number(name: &[u8]) -> u8 {
    match name {
        b"icmp" => 1,
        b"tcp" => 6,
        b"udp" => 17,
        _ => 0,
    }
}

/// What a pattern's groups matched.
struct Groups<'a> {
    line: &'a [u8],
    places: &'a CaptureLocations,
}

impl<'a> Groups<'a> {
    fn get(&self, group: usize) -> Option<&'a [u8]> {
        self.places.get(group).map(|(start, end)| &self.line[start..end])
    }

    fn number<T: str::FromStr>(&self, group: usize) -> Option<T> {
        str::from_utf8(self.get(group)?).ok()?.parse().ok()
    }

    fn address(&self, group: usize) -> Option<IpAddr> {
        str::from_utf8(self.get(group)?).ok()?.parse::<IpAddr>().ok()
    }
}

/// A compiled pattern and the memory that it matches in.
#[derive(Debug)]
pub struct Matcher {
    pattern: Pattern,
    regex: Regex,
    places: CaptureLocations,
}

impl Matcher {
    /// Compiles a pattern.
    ///
    /// # Panics
    /// If it is none.
    pub fn new(pattern: Pattern) -> Self {
        // Bytes of any charset.
        let source = format!("(?-u){}", pattern.source);
        let regex = Regex::new(&source).expect("a pattern of this module");
        Self { pattern, places: regex.capture_locations(), regex }
    }

    /// Whether a line is of this kind.
    pub fn is_match(&self, line: &[u8]) -> bool {
        self.regex.is_match(line)
    }

    fn read(&mut self, workload: &Workload) -> Answer {
        let mut answer = Answer::default();
        for line in workload.payloads() {
            if self.regex.captures_read(&mut self.places, line).is_some() {
                let groups = Groups { line, places: &self.places };
                (self.pattern.facts)(&groups).iter().for_each(|facts| answer.add(facts));
            }
        }
        answer
    }
}

impl Engine for Matcher {
    fn name(&self) -> String {
        "regex".to_owned()
    }

    fn run(&mut self, workload: &Workload) {
        black_box(self.read(workload));
    }

    fn check(&mut self, workload: &Workload) {
        assert_eq!(self.read(workload), workload.truth(), "regex");
    }
}
