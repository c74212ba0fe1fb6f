use super::*;
use proptest::prelude::*;
use std::{fs, thread};

const NOW: UnixNanos = 1_772_373_600_000_000_000;

/// Appends these entries, each by a process of its own so to say.
fn append(path: &Path, entries: impl IntoIterator<Item = String>) -> Head {
    let mut head = Head::default();
    for entry in entries {
        let mut chain = Chain::open(path).unwrap();
        let mut chain = chain.lock().unwrap();
        chain.catch_up(|read| assert_eq!(read.fault, None)).unwrap();
        head = chain.append(&entry, NOW).unwrap();
    }
    head
}

fn entries(path: &Path) -> (Vec<String>, Vec<(u64, Fault)>, Summary) {
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    let summary = read(path, |read: Read<String>| {
        entries.extend(read.line.map(|line| line.entry));
        faults.extend(read.fault.map(|fault| (read.place, fault)));
    });
    (entries, faults, summary.unwrap())
}

fn numbered(count: u64) -> Vec<String> {
    (1..=count).map(|number| format!("entry {number} \",\"hash\":\"\n")).collect()
}

fn chain_of(count: u64) -> (tempfile::TempDir, PathBuf, Head) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chain.jsonl");
    let head = append(&path, numbered(count));
    (directory, path, head)
}

#[test]
fn entries_come_back_and_the_head_is_the_last_one() {
    let (_directory, path, head) = chain_of(5);
    assert_eq!(head.number, 5);
    assert_eq!(entries(&path), (numbered(5), vec![], Summary { head, torn_bytes: 0 }));
    let none = entries(&path.with_extension("none"));
    assert_eq!(none, (vec![], vec![], Summary::default()));
}

#[test]
fn a_line_is_checked_with_other_peoples_tools() {
    let (_directory, path, head) = chain_of(2);
    let text = fs::read_to_string(&path).unwrap();
    let [first, second] = text.lines().collect::<Vec<_>>().try_into().unwrap();
    assert!(first.starts_with("{\"number\":1,\"at\":\"2026-03-01T14:00:00Z\",\"previous\":\"0000"));
    let (hashed, hash) = second.rsplit_once(",\"hash\":\"").unwrap();
    assert_eq!(Digest::of(hashed.as_bytes()), head.hash);
    assert_eq!(hash, format!("{}\"}}", head.hash));
}

#[test]
fn what_a_crash_left_of_a_line_is_cut_off_and_told() {
    let (_directory, path, head) = chain_of(3);
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let mut torn: Vec<Vec<u8>> = (last + 1..whole.len()).map(|end| whole[..end].into()).collect();
    let nul = |range: std::ops::Range<usize>| {
        let mut bytes = whole.clone();
        bytes[range].fill(0);
        bytes
    };
    torn.extend([nul(last..last + 10), nul(last + 5..whole.len()), nul(last..whole.len())]);
    for bytes in torn {
        fs::write(&path, &bytes).unwrap();
        let left = (bytes.len() - last) as u64;
        let (found, faults, summary) = entries(&path);
        assert_eq!((found, faults, summary.torn_bytes), (numbered(2), vec![], left));
        let mut chain: Chain<String> = Chain::open(&path).unwrap();
        let mut locked = chain.lock().unwrap();
        assert_eq!(locked.catch_up(|_| ()).unwrap(), left);
        assert_eq!(locked.append(&numbered(3)[2], NOW).unwrap(), head);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn removed_moved_and_inserted_lines_are_seen() {
    let (_directory, path, _) = chain_of(4);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let faults = |order: &[usize]| {
        fs::write(&path, order.iter().map(|index| lines[*index]).collect::<String>()).unwrap();
        entries(&path).1
    };
    assert_eq!(faults(&[0, 1, 2, 3]), []);
    assert_eq!(faults(&[1, 2, 3]), [(1, Fault::Unlinked)]);
    assert_eq!(faults(&[0, 2, 3]), [(2, Fault::Unlinked)]);
    assert_eq!(faults(&[0, 1, 1, 2, 3]), [(3, Fault::Unlinked)]);
    assert_eq!(faults(&[0, 2, 1, 3]), [2, 3, 4].map(|place| (place, Fault::Unlinked)));
    // What no chain can see, and why the head is to be kept elsewhere.
    assert_eq!(faults(&[0, 1]), []);
}

#[test]
fn whoever_appends_sees_that_the_file_is_another_or_was_cut() {
    let (_directory, path, _) = chain_of(2);
    let open = || {
        let mut chain: Chain<String> = Chain::open(&path).unwrap();
        chain.lock().unwrap().catch_up(|_| ()).unwrap();
        chain
    };
    let whole = fs::read(&path).unwrap();
    let mut chain = open();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(chain.lock().unwrap_err().to_string().contains("cut away"));
    fs::write(&path, &whole).unwrap();
    let mut chain = open();
    fs::rename(&path, path.with_extension("old")).unwrap();
    assert!(chain.lock().unwrap_err().to_string().contains("removed or replaced"));
    fs::write(&path, &whole).unwrap();
    assert!(chain.lock().unwrap_err().to_string().contains("removed or replaced"));
}

#[test]
fn many_who_append_at_once_make_one_chain() {
    let (_directory, path, _) = chain_of(0);
    thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || append(path, (0..25).map(|count| format!("{thread} {count}"))));
        }
    });
    let (found, faults, summary) = entries(&path);
    assert_eq!((found.len(), faults, summary.head.number), (100, vec![], 100));
}

#[test]
fn an_entry_that_the_disk_refuses_is_not_there() {
    let (_directory, path, head) = chain_of(1);
    let mut chain: Chain<String> = Chain::open(&path).unwrap();
    chain.lock().unwrap().catch_up(|_| ()).unwrap();
    chain.file = File::open(&path).unwrap();
    assert!(chain.lock().unwrap().append(&"refused".into(), NOW).is_err());
    assert_eq!(chain.head(), head);
    assert_eq!(entries(&path).0, numbered(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_byte_is_seen(offset: prop::sample::Index, flip in 1_u8..) {
        let (_directory, path, _) = chain_of(4);
        let mut bytes = fs::read(&path).unwrap();
        let offset = offset.index(bytes.len());
        bytes[offset] ^= flip;
        fs::write(&path, &bytes).unwrap();
        let (_, faults, summary) = entries(&path);
        prop_assert!(!faults.is_empty() || summary.torn_bytes > 0);
    }
}
