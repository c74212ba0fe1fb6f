//! What a data directory holds, read when no collector writes to it: every file that has its final
//! name, and of the journal what is not sealed yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use logweir_store::{
    chain, files,
    journal::{self, SegmentId},
    manifest::{self, Entry},
    schema::Family,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{
    journal::frames,
    rows::{Digest, Rows, digests},
};

/// What there is.
#[derive(Debug, Default)]
pub struct Contents {
    /// Every record, as often as it is there.
    pub rows: Rows,
    /// The records of segments, frame by frame. Of one that is sealed the order is not known: all
    /// are one frame.
    pub segments: BTreeMap<SegmentId, Vec<Vec<Digest>>>,
    /// Parquet files, all of which could be read.
    pub files: u64,
    /// Segments of the journal that wait to be sealed.
    pub unsealed: BTreeSet<SegmentId>,
}

impl Contents {
    /// Reads all of it, and changes nothing.
    ///
    /// # Errors
    /// If a file cannot be read to its end: a reader would fail as well.
    pub fn read(data: &Path) -> Result<Contents> {
        let mut contents = Contents::default();
        let sealed = sealed_segments(data)?;
        for (id, path) in journal_segments(data)? {
            let frames = frames(&path, id)?;
            if !sealed.contains(&id.to_string()) {
                contents.rows.extend(frames.iter().flatten().copied());
                contents.unsealed.insert(id);
            }
            contents.segments.insert(id, frames);
        }
        let journaled: BTreeSet<_> = contents.segments.keys().copied().collect();
        for family in Family::ALL {
            for path in files::parquet_files(data, family)? {
                let read = part(&path, family);
                let rows = read.with_context(|| format!("cannot read {}", path.display()))?;
                contents.files += 1;
                contents.take_part(segment_of(&path), &journaled, &rows);
            }
        }
        Ok(contents)
    }

    /// Takes the rows of a part, which was made of such a segment.
    fn take_part(
        &mut self,
        segment: Option<SegmentId>,
        journaled: &BTreeSet<SegmentId>,
        rows: &[Digest],
    ) {
        if segment.is_some_and(|id| self.unsealed.contains(&id)) {
            // It counts when the manifest has it; until then the journal does.
            return;
        }
        self.rows.extend(rows.iter().copied());
        if let Some(id) = segment.filter(|id| !journaled.contains(id)) {
            let frames = self.segments.entry(id).or_insert_with(|| vec![Vec::new()]);
            frames.iter_mut().take(1).for_each(|frame| frame.extend(rows.iter().copied()));
        }
    }

    /// The records that a collector has said to be synced: the first so many of those in its own
    /// segments, which are those that were not there before. Where they end inside of a segment
    /// that is sealed, none of that one.
    pub fn said(&self, before: &Contents, mut said: u64) -> Rows {
        let tags: BTreeSet<u64> = before.segments.keys().map(|id| id.tag).collect();
        let own = self.segments.iter().filter(|(id, _)| !tags.contains(&id.tag));
        let mut rows = Rows::default();
        for frame in own.flat_map(|(_, frames)| frames) {
            match said.checked_sub(frame.len() as u64) {
                Some(rest) => said = rest,
                None => break,
            }
            rows.extend(frame.iter().copied());
        }
        rows
    }
}

/// The names of the segments that the manifest says are sealed.
fn sealed_segments(data: &Path) -> Result<BTreeSet<String>> {
    let mut sealed = BTreeSet::new();
    chain::read::<Entry>(&data.join(manifest::FILE), |read| {
        if let Some(Entry::Sealed { segment, .. }) = read.line.map(|line| line.entry) {
            sealed.insert(segment);
        }
    })?;
    Ok(sealed)
}

fn journal_segments(data: &Path) -> Result<Vec<(SegmentId, PathBuf)>> {
    let directory = data.join(journal::DIRECTORY);
    let mut segments = Vec::new();
    for entry in fs::read_dir(&directory).into_iter().flatten() {
        let path = entry?.path();
        segments.extend(SegmentId::of_file(&path).map(|id| (id, path)));
    }
    Ok(segments)
}

/// The segment that a part was made of; `None` for one that was merged.
fn segment_of(part: &Path) -> Option<SegmentId> {
    let name = part.file_stem()?.to_str()?.strip_prefix("part-")?;
    SegmentId::of_file(Path::new(&format!("segment-{name}.journal")))
}

/// All rows of a file.
fn part(path: &Path, family: Family) -> Result<Vec<Digest>> {
    let mut all = Vec::new();
    for rows in ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()? {
        all.extend(digests(family, &rows?)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
