//! What must be so afterwards: nothing unaccounted, every file as it was sealed, every row readable
//! by others too.

use std::{fs::File, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use logweir_store::{files, schema::Family};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::{exporters::Sent, place::Place};
use crate::{readers, shell};

pub struct Verdict<'a> {
    pub logweir: &'a Path,
    pub data: &'a Path,
    pub balance: &'a Value,
    pub sent: &'a Sent,
}

impl Verdict<'_> {
    pub fn check(&self, place: &Place) -> Result<()> {
        self.check_balance(place)?;
        shell::output(Command::new(self.logweir).arg("verify").arg("--data").arg(self.data))?;
        let mut rows = 0;
        for family in Family::ALL {
            let found = self.rows(family)?;
            let others = readers::count_rows(self.data, family.name())?;
            ensure!(found == others, "{family}: {found} rows, and DuckDB counts {others}");
            rows += found;
        }
        let sealed = self.at("/records/sealed");
        ensure!(rows == sealed, "{rows} rows are in files, and {sealed} were sealed");
        println!("{rows} records sealed and verified, all of them readable, by DuckDB too");
        Ok(())
    }

    fn at(&self, pointer: &str) -> u64 {
        self.balance.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
    }

    fn check_balance(&self, place: &Place) -> Result<()> {
        let unaccounted = self.at("/unaccounted/total");
        ensure!(unaccounted == 0, "{unaccounted} unaccounted: {}", self.balance["unaccounted"]);
        let received = self.at("/datagrams/received");
        let lost = [
            place.dropped_on_the_way()?,
            self.at("/ring/rx_ring_full"),
            self.at("/ring/rx_dropped"),
            self.at("/ring/unreadable"),
            self.at("/socket/dropped"),
            self.at("/nic/rx_fifo_errors"),
        ];
        let before: u64 = lost.iter().sum();
        let sent = self.sent.datagrams;
        println!(
            "{received} datagrams received of {sent}, {before} lost before; {} dropped while the disk \
             failed; {} records stored, {} failed; unaccounted 0",
            self.at("/datagrams/dropped_no_batch"),
            self.at("/records/stored"),
            self.at("/records/failed"),
        );
        ensure!(
            received + before >= sent && received <= sent,
            "{received} datagrams were received and {before} lost before, and {sent} were sent"
        );
        Ok(())
    }

    /// Rows of a family, each of which was read.
    fn rows(&self, family: Family) -> Result<u64> {
        let mut rows = 0;
        for path in files::parquet_files(self.data, family)? {
            let read = || -> Result<usize> {
                let file = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?)?.build()?;
                let mut rows = 0;
                for batch in file {
                    rows += batch?.num_rows();
                }
                Ok(rows)
            };
            rows += read().with_context(|| format!("cannot read {}", path.display()))? as u64;
        }
        Ok(rows)
    }
}
