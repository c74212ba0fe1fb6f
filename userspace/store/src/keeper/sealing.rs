//! A segment of the journal becomes parts, index and ledger.

use super::{Keeper, SealedSegment, resume};
use crate::{
    error::StoreError,
    index::Indexes,
    journal::{Frame, Reader, Segment},
    ledger,
    manifest::{Entry, LedgerFile, Part},
    seal::{Sealed, Sealer},
};
use logweir_decode::context::UnixNanos;
use std::path::PathBuf;

impl Keeper {
    /// Makes parts of a segment and removes it.
    ///
    /// # Errors
    /// If the file system refuses something. The segment is still there, and nothing is lost or
    /// double when it is tried again.
    pub fn seal(&mut self, segment: &Segment, now: UnixNanos) -> Result<SealedSegment, StoreError> {
        let name = segment.id.to_string();
        let sealed = match self.unremoved.take().filter(|(id, _)| *id == segment.id) {
            Some((_, sealed)) => sealed,
            None if self.manifest.is_sealed(&name) => SealedSegment::default(),
            None if segment.is_lost()? => SealedSegment { is_lost: true, ..Default::default() },
            None => self.make(segment, &name, now).inspect_err(|_| self.forget())?,
        };
        match self.clear_away(segment, &sealed) {
            Ok(()) => Ok(sealed),
            Err(error) => {
                self.unremoved = Some((segment.id, sealed));
                Err(error)
            }
        }
    }

    fn make(
        &mut self,
        segment: &Segment,
        name: &str,
        now: UnixNanos,
    ) -> Result<SealedSegment, StoreError> {
        // Should the power go before the entry, the same rows have to be there to be sealed again.
        segment.sync()?;
        let (sealer, damaged) = self.read(segment)?;
        let layout = self.config.layout;
        let made = sealer.finish(name, &self.incoming, layout, &mut Indexes::default())?;
        let parts = self.entries(made)?;
        let ledger = self.write_ledger(name)?;
        let entry = Entry::Sealed { segment: name.to_owned(), parts: parts.clone(), ledger };
        self.manifest.append(entry, now)?;
        Ok(SealedSegment { parts, damaged, is_lost: false })
    }

    /// Removes what is not needed any more: the segment last, since the rest can be done again
    /// while it is there.
    fn clear_away(&self, segment: &Segment, sealed: &SealedSegment) -> Result<(), StoreError> {
        if let Some(last) = self.manifest.state().last_sealed() {
            ledger::files::remove_other_standings(self.incoming.data_directory(), last)?;
        }
        match &sealed.damaged {
            Some(aside) => segment.set_aside(aside),
            None => segment.remove(),
        }
    }

    /// Reads a segment, up to where it is damaged.
    fn read(&mut self, segment: &Segment) -> Result<(Sealer, Option<PathBuf>), StoreError> {
        let mut sealer = Sealer::of(segment.bytes);
        match self.read_into(&mut sealer, segment) {
            Ok(()) => Ok((sealer, None)),
            Err(error) if error.is_damage() => {
                Ok((sealer, Some(segment.path.with_extension("damaged"))))
            }
            Err(error) => Err(error),
        }
    }

    fn read_into(&mut self, sealer: &mut Sealer, segment: &Segment) -> Result<(), StoreError> {
        let mut reader = Reader::open(segment)?;
        while let Some(frame) = reader.next_frame()? {
            match frame {
                Frame::Batch(batch) => {
                    sealer.push(batch)?;
                    self.ledger.take(batch);
                }
                Frame::Drops(drops) => self.ledger.take_drops(&drops),
            }
        }
        Ok(())
    }

    /// The manifest's words for parts that are in place.
    fn entries(&self, sealed: Sealed) -> Result<Vec<Part>, StoreError> {
        let data = self.incoming.data_directory();
        let parts = sealed.parts.into_iter();
        parts
            .map(|part| Part::of_file(data, &part.path, (part.family, part.hour), part.rows))
            .collect()
    }

    fn write_ledger(&mut self, name: &str) -> Result<Vec<LedgerFile>, StoreError> {
        let data = self.incoming.data_directory().to_owned();
        let (hours, followers) = self.ledger.close();
        ledger::files::write_standing(&self.incoming, name, followers)?;
        let mut files = Vec::new();
        for (hour, books) in hours {
            let path = ledger::files::write(&self.incoming, hour, name, &books)?;
            files.push(LedgerFile::of_file(&data, &path)?);
            self.open_hours.insert(hour);
        }
        Ok(files)
    }

    /// Forgets what was taken from a segment that could not be sealed: it will come again.
    fn forget(&mut self) {
        // Where that cannot be read, the counts begin anew, and what lies between is not missed.
        self.ledger = resume(&self.manifest).unwrap_or_default();
    }
}
