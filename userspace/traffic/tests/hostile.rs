//! Hostile datagrams are what they say, and the same for a seed.

use std::collections::HashSet;

use logweir_traffic::hostile::{Attack, DATAGRAM_BYTES_MAX, Hostile};

#[test]
fn a_seed_gives_the_same_datagrams() {
    let run = |seed| {
        let mut hostile = Hostile::new(seed);
        let mut out = Vec::new();
        let datagrams: Vec<(Attack, Vec<u8>)> = (0..2_000)
            .map(|_| {
                let attack = hostile.next_datagram(&mut out);
                assert!(out.len() <= DATAGRAM_BYTES_MAX);
                (attack, out.clone())
            })
            .collect();
        datagrams
    };
    let first = run(5);
    assert_eq!(first, run(5));
    assert_ne!(first, run(6));
    let kinds: HashSet<Attack> = first.iter().map(|(attack, _)| *attack).collect();
    assert_eq!(kinds.len(), Attack::ALL.len(), "every attack comes");
}

#[test]
fn bombs_bring_new_templates_and_domains() {
    let mut hostile = Hostile::new(1);
    let mut out = Vec::new();
    let (mut ids, mut domains) = (HashSet::new(), HashSet::new());
    for _ in 0..100 {
        hostile.datagram_of(Attack::TemplateBomb, &mut out);
        let header = if out[1] == 9 { 20 } else { 16 };
        let templates = out[header + 4..].as_chunks::<12>().0;
        assert!(templates.len() > 100);
        ids.extend(templates.iter().map(|template| [template[0], template[1]]));
        hostile.datagram_of(Attack::DomainBomb, &mut out);
        domains.insert(out[16..20].to_vec());
    }
    assert!(ids.len() > 10_000, "{}", ids.len());
    assert_eq!(domains.len(), 100);
    hostile.datagram_of(Attack::Empty, &mut out);
    assert!(out.is_empty());
}
