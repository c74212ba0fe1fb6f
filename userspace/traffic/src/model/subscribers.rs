//! The inside hosts of one line of an exporter.

use super::distributions::Weighted;
use crate::addresses;
use crate::names::ZONES;
use crate::random::{Random, Share};

/// An inside host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscriber {
    /// Its number in the address plan.
    pub(crate) index: u32,
    /// The last source port that it used.
    port: u16,
    /// The pool address that it is paired with.
    pub(crate) pool_address: u16,
    pub(crate) vrf: u32,
    zone: u8,
    has_user: bool,
}

impl Subscriber {
    pub(crate) fn address(&self) -> u32 {
        addresses::inside(self.index)
    }

    pub(crate) fn zone(&self) -> &'static [u8] {
        ZONES[usize::from(self.zone)].as_bytes()
    }
}

/// How subscribers are drawn up.
pub(crate) struct Plan {
    /// Indexes `first .. first + count` of the address plan.
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// Public addresses that they share.
    pub(crate) pool_addresses: u32,
    pub(crate) vrfs: u32,
    pub(crate) user_share: f64,
}

/// Inside hosts by popularity.
pub(crate) struct Subscribers {
    hosts: Vec<Subscriber>,
    popularity: Weighted,
    /// User names, `user000000`, by rank.
    users: Vec<[u8; 10]>,
}

impl Subscribers {
    pub(crate) fn new(plan: &Plan, random: &mut Random) -> Self {
        let user_share = Share::new(plan.user_share);
        let mut hosts: Vec<Subscriber> = (plan.first..plan.first + plan.count)
            .map(|index| Subscriber {
                index,
                port: random.next_u64() as u16,
                pool_address: random.below(plan.pool_addresses) as u16,
                // Half of the subscribers are in the public VRF.
                vrf: (random.below(2) * (random.below(plan.vrfs) + 1)).min(plan.vrfs),
                zone: random.below(ZONES.len() as u32) as u8,
                has_user: random.chance(user_share),
            })
            .collect();
        // The hottest hosts are anywhere in the address range.
        for last in (1..hosts.len()).rev() {
            hosts.swap(last, random.below(last as u32 + 1) as usize);
        }
        let users = hosts.iter().map(|host| user_name(host.index)).collect();
        Self { popularity: Weighted::zipf_root(plan.count), hosts, users }
    }

    /// Draws a rank, hot ones oftener.
    #[inline]
    pub(crate) fn draw(&self, random: &mut Random) -> u32 {
        self.popularity.draw(random)
    }

    #[inline]
    pub(crate) fn get(&self, rank: u32) -> &Subscriber {
        &self.hosts[rank as usize]
    }

    /// The user name, when the host's user has logged in.
    pub(crate) fn user(&self, rank: u32) -> Option<&[u8]> {
        self.hosts[rank as usize].has_user.then(|| self.users[rank as usize].as_slice())
    }

    /// The next source port of a host: they count up through 1024–65535, so that the same inside
    /// address and port does not come again for 64 512 sessions.
    #[inline]
    pub(crate) fn next_port(&mut self, rank: u32) -> u16 {
        let host = &mut self.hosts[rank as usize];
        host.port = host.port.checked_add(1).unwrap_or(0).max(1_024);
        host.port
    }
}

fn user_name(index: u32) -> [u8; 10] {
    let mut name = *b"user000000";
    let mut rest = index;
    for digit in name[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}
