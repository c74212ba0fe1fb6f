//! `logweir hold`: legal holds, which keep parts of the store from being deleted.

use super::{data_directory, trace::parse_time};
use crate::{cli::Failure, clock};
use jiff::Timestamp;
use logweir_decode::context::UnixNanos;
use logweir_store::{
    error::StoreError,
    manifest::{Entry, Hold, Manifest, State},
    schema::Family,
};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Arguments of `hold`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Keep what is stored from being deleted, as long as a case is open
    Add(Add),
    /// Let what was kept for a case be deleted again
    Lift(Case),
    /// Print the holds that are in force
    List(Data),
}

#[derive(Debug, clap::Args)]
struct Data {
    /// Directory of the store
    #[arg(long, value_name = "DIR", default_value = super::DATA)]
    data: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Case {
    #[command(flatten)]
    data: Data,
    /// Reference of the case
    #[arg(long, value_name = "REF")]
    case: String,
}

#[derive(Debug, clap::Args)]
struct Add {
    #[command(flatten)]
    case: Case,
    /// First moment, RFC 3339, by the time of arrival [default: the beginning]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<UnixNanos>,
    /// Last moment, RFC 3339, by the time of arrival [default: no end]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<UnixNanos>,
    /// Only this family [default: all]
    #[arg(long, value_name = "FAMILY", value_parser = parse_family)]
    family: Option<Family>,
    /// Only files that name this address
    #[arg(long, value_name = "ADDR")]
    address: Option<IpAddr>,
}

fn parse_family(text: &str) -> Result<Family, String> {
    Family::ALL.into_iter().find(|family| family.name() == text).ok_or_else(|| {
        let known = Family::ALL.map(Family::name).join(", ");
        format!("'{text}' is no family (known: {known})")
    })
}

/// Places, lifts or lists holds. `lift` exits with 1 when there was none of the case.
///
/// # Errors
/// When the manifest cannot be read or written.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let failed = |error: StoreError| Failure::other(error.to_string());
    match &args.action {
        Action::Add(add) => {
            if let (Some(from), Some(to)) = (add.from, add.to)
                && from > to
            {
                return Err(Failure::input("--from is later than --to"));
            }
            let mut manifest = open(&add.case.data.data)?;
            let hold = add.hold();
            let uid = rustix::process::getuid().as_raw();
            let entry = Entry::HoldPlaced { hold: hold.clone(), uid };
            manifest.append(entry, clock::now()).map_err(failed)?;
            crate::say(&line(&hold, manifest.state()));
        }
        Action::Lift(Case { data, case }) => {
            let mut manifest = open(&data.data)?;
            let uid = rustix::process::getuid().as_raw();
            let entry = |state: &State| {
                let placed = state.holds().iter().any(|hold| hold.case == *case);
                placed.then(|| Entry::HoldLifted { case: case.clone(), uid })
            };
            if manifest.append_with(clock::now(), entry).map_err(failed)?.is_none() {
                return Err(Failure::other(format!("nothing is held for the case {case}")));
            }
            crate::say(&format!("{case}: lifted"));
        }
        Action::List(Data { data }) => {
            let manifest = open(data)?;
            if manifest.state().holds().is_empty() {
                crate::tell("nothing is held");
            }
            for hold in manifest.state().holds() {
                crate::say(&line(hold, manifest.state()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Add {
    fn hold(&self) -> Hold {
        let time = |nanos: UnixNanos| Timestamp::from_nanosecond(nanos.into()).unwrap_or_default();
        Hold {
            case: self.case.case.clone(),
            from: self.from.map(time),
            to: self.to.map(time),
            family: self.family,
            address: self.address,
        }
    }
}

fn open(data: &Path) -> Result<Manifest, Failure> {
    data_directory(data)?;
    let (manifest, opened) =
        Manifest::open(data).map_err(|error| Failure::other(error.to_string()))?;
    if let Some((line, fault)) = opened.faults.first() {
        crate::tell(&format!(
            "line {line} of the manifest {fault}; `logweir verify` says all that is wrong"
        ));
    }
    Ok(manifest)
}

/// A hold in words, and what it holds of what is stored now.
fn line(hold: &Hold, state: &State) -> String {
    let mut words = vec![hold.case.clone()];
    words.push(hold.family.map_or("all families".into(), |family| family.to_string()));
    words.extend(hold.from.map(|from| format!("from {from}")));
    words.extend(hold.to.map(|to| format!("to {to}")));
    let mut line = words.join(" ");
    let parts: Vec<_> = state.parts().filter(|part| hold.concerns(part)).collect();
    let bytes: u64 = parts.iter().map(|part| part.bytes_in_all()).sum();
    line += &format!(": {} files of {bytes} bytes", parts.len());
    if let Some(address) = hold.address {
        line += &format!(", of these the ones that name {address}");
    }
    line
}
