//! The table agrees with what is read, and what is written of it can be read.

use super::*;
use crate::config::{MissingKey, Settings, parse};
use std::{fs, path::Path};

/// A line of the configuration in which a key of a table has this value.
fn with(table: &Table, is_list: bool, line: &str) -> String {
    match (table.name, is_list) {
        ("", _) => line.to_owned(),
        (name, true) => format!("[[{name}]]\n{line}"),
        (name, false) => format!("[{name}]\n{line}"),
    }
}

fn all_tables() -> impl Iterator<Item = (&'static Table, bool)> {
    let nested = TOP
        .keys
        .iter()
        .filter_map(|key| Some((key.kind.table()?, matches!(key.kind, Kind::Tables(_)))));
    [(&TOP, false)].into_iter().chain(nested)
}

#[test]
fn the_table_has_every_key_that_is_read() {
    let names: Vec<_> = TOP.keys.iter().map(|key| key.name).collect();
    let mut read = Settings::KEYS.to_vec();
    // Tables come last in a file.
    read.sort_by_key(|name| names.iter().position(|known| known == name));
    assert_eq!(names, read);
    for (table, is_list) in all_tables().skip(1).filter(|(table, _)| table.name != "limits") {
        let text = with(table, is_list, "no-such-key = 1");
        let error = toml::from_str::<Settings>(&text).unwrap_err();
        let words: Vec<_> = error.message().split('`').skip(1).step_by(2).skip(1).collect();
        let names: Vec<_> = table.keys.iter().map(|key| key.name).collect();
        assert_eq!(names, words, "[{}]", table.name);
    }
}

#[test]
fn unknown_keys_and_wrong_kinds_are_told_in_every_table() {
    for (table, is_list) in all_tables() {
        let line = if table.name.is_empty() { 1 } else { 2 };
        for key in table.keys {
            let text = with(table, is_list, &format!("{}x = 1", key.name));
            let error = parse(&text).unwrap_err();
            let words = format!("line {line}: unknown key '{}x': did you mean '", key.name);
            assert!(error.starts_with(&words) && error.ends_with("'?"), "{error}");
            let wrong = match key.kind {
                Kind::Flag => "0",
                _ => "1.5",
            };
            let error =
                parse(&with(table, is_list, &format!("{} = {wrong}", key.name))).unwrap_err();
            let words = format!("line {line}: {} has the number {wrong} where ", key.name);
            assert!(error.starts_with(&words) && error.contains(key.kind.name()), "{error}");
        }
    }
    for (text, sentence) in [
        ("queues = \"two\"", "line 1: queues has the text \"two\" where a whole number belongs"),
        ("queues = -2", "line 1: queues has the number -2 where a whole number belongs"),
        ("data = 5", "line 1: data has the number 5 where a text in quotes belongs"),
        (
            "listen = 514",
            "line 1: listen has the number 514 where a list of texts belongs: listen = [\"…\"]",
        ),
        (
            "listen = [\n\"514\",\n2055]",
            "line 3: listen has the number 2055 where a text in quotes belongs",
        ),
        ("im = \"off\"", "line 1: im has the text \"off\" where a table belongs: [im]"),
        (
            "[exporter]\naddress = \"192.0.2.1\"",
            "line 1: exporter has a table where a list of tables belongs: [[exporter]]",
        ),
        (
            "zzzzzz = 1",
            "line 1: unknown key 'zzzzzz' (`logweir print-default-config` prints all keys)",
        ),
        (
            "[syslog]\nserver = \"192.0.2.9:514\"\nmetrics = \"127.0.0.1:9404\"",
            "line 3: the key 'metrics' is none of [syslog]: it belongs above the first table",
        ),
        ("max_gb = 5", "line 1: the key 'max_gb' belongs into [retention]"),
        ("server = \"192.0.2.9:514\"", "line 1: the key 'server' belongs into [syslog] or [email]"),
        ("im.recrod = \"off\"", "line 1: unknown key 'recrod': did you mean 'record'?"),
        (
            "busy_poll = \"yes\"",
            "line 1: busy_poll has the text \"yes\" where true or false belongs",
        ),
        ("source = \"xpd\"", "line 1: unknown word 'xpd': did you mean 'xdp'? (known: xdp, udp)"),
    ] {
        assert_eq!(parse(text).unwrap_err(), sentence);
    }
    let error = parse("data = \"/d\"\nlisten = [\"514\"").unwrap_err();
    assert!(error.starts_with("line 2: "), "{error}");
}

/// Reads what was printed, with the files that its examples name.
fn validated(text: &str) -> Result<Settings, String> {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let write = |name: &str, text: &str| {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), text).unwrap();
    };
    let declaration = "format = \"our-firewall\"\n[[message]]\nmarks = [\"gate: \"]\n\
        family = \"session\"\nevent = \"create\"\npatterns = [\"{_}gate: {src} to {dst}\"]\n";
    write("formats/our-firewall.toml", declaration);
    let layouts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../decode/src/binary/layouts");
    let layout = fs::read_to_string(layouts.join("h3c_userlog_1.toml")).unwrap();
    write("layouts/lab.toml", &layout);
    write("ca.pem", include_str!("../../service/alarm/tls/ca.pem"));
    crate::config::secret::create(&at("mail.password"), "secret\n").unwrap();
    write("logweir.toml", text);
    let settings = crate::config::read(&at("logweir.toml"))?;
    settings.validate(MissingKey::Leave)?;
    Ok(settings)
}

#[test]
fn the_default_configuration_is_good_as_it_is_and_with_every_key_set() {
    let printed = default_configuration();
    let settings = validated(&printed).unwrap();
    let set = settings.changed_from(&Settings::default());
    assert_eq!(
        set,
        [
            "listen",
            "data",
            "im",
            "privacy",
            "retention",
            "limits",
            "live_log",
            "webhook",
            "syslog",
            "email"
        ]
    );
    assert!(printed.lines().all(|line| line.chars().count() <= 100), "{printed}");

    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first != ' ') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    let all: String = printed.lines().map(uncomment).collect();
    let settings = validated(&all).unwrap();
    assert_eq!(settings.changed_from(&Settings::default()), Settings::KEYS);
    for (table, _) in all_tables() {
        for key in table.keys.iter().filter(|key| key.kind.table().is_none()) {
            let line = format!("\n{} = {}\n", key.name, key.example);
            assert!(all.contains(&line), "{line}");
        }
    }
}

/// `logweir print-default-config --output markdown > docs/configuration.md` writes it anew.
#[test]
fn the_committed_page_is_the_generated_one() {
    let committed = include_str!("../../../../../docs/configuration.md");
    assert!(
        !reference_page().contains("{keys"),
        "a table without its place, or the other way round"
    );
    for table in TOP.tables() {
        assert!(reference_page().contains(&rows_of(table)), "[{}] is not in the page", table.name);
    }
    assert!(committed == reference_page(), "write docs/configuration.md anew, as said above");
}

fn rows_of(table: &Table) -> String {
    let Key { name, about, .. } = &table.keys[0];
    format!("| `{name}` | {about} |")
}
