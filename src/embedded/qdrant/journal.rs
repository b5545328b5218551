//! The write journal of one collection: what was applied since the engine last
//! wrote itself out.
//!
//! A record is `length: u32 LE | checksum: 8 bytes | operation`, where the
//! operation is the protobuf of one id-based `PointsUpdateOperation` and the
//! checksum is the head of its SHA-256. Reading stops at the first record that is
//! cut off or does not match: that record was never answered `Completed`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use prost::Message;
use qdrant_client::qdrant::PointsUpdateOperation;
use sha2::{Digest, Sha256};

const LENGTH_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 8;
const HEADER_BYTES: usize = LENGTH_BYTES + CHECKSUM_BYTES;

#[derive(Debug)]
pub(super) struct Journal {
    file: Arc<File>,
    bytes: u64,
}

impl Journal {
    /// Opens or creates the journal; returns it with the operations it holds, in
    /// the order they were applied. A cut-off tail is removed.
    pub(super) fn open(path: &Path) -> io::Result<(Journal, Vec<PointsUpdateOperation>)> {
        let mut file = File::options().create(true).read(true).append(true).open(path)?;
        if let Some(folder) = path.parent() {
            // A new file is durable only with its folder.
            File::open(folder)?.sync_all()?;
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let (operations, valid) = decode(&content);
        if valid < content.len() {
            tracing::warn!(
                dropped_bytes = content.len() - valid,
                path = %path.display(),
                "journal ends in an unfinished record"
            );
            file.set_len(valid as u64)?;
            file.sync_all()?;
        }
        let journal = Journal { file: Arc::new(file), bytes: valid as u64 };
        Ok((journal, operations))
    }

    /// Appends one operation; durable only after `sync_data` on [`Journal::file`].
    /// On an error the journal is as before.
    pub(super) fn append(&mut self, operation: &PointsUpdateOperation) -> io::Result<()> {
        let record = encode(operation)?;
        if let Err(error) = self.file.as_ref().write_all(&record) {
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += record.len() as u64;
        Ok(())
    }

    /// Takes the last record back, which began at `bytes`.
    pub(super) fn truncate_to(&mut self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)?;
        self.file.sync_all()?;
        self.bytes = bytes;
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// For syncing without holding the collection's write lock.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }
}

fn encode(operation: &PointsUpdateOperation) -> io::Result<Vec<u8>> {
    let body_bytes = operation.encoded_len();
    let length = u32::try_from(body_bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "write exceeds 4 GiB"))?;
    let mut record = vec![0; HEADER_BYTES];
    record.reserve(body_bytes);
    operation.encode(&mut record).map_err(io::Error::other)?;
    let checksum = checksum(&record[HEADER_BYTES..]);
    record[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    record[LENGTH_BYTES..HEADER_BYTES].copy_from_slice(&checksum);
    Ok(record)
}

/// The valid operations at the head of `content`, and how many bytes they take.
fn decode(content: &[u8]) -> (Vec<PointsUpdateOperation>, usize) {
    let mut operations = Vec::new();
    let mut position = 0;
    while let Some((operation, record_bytes)) = decode_record(&content[position..]) {
        operations.push(operation);
        position += record_bytes;
    }
    (operations, position)
}

fn decode_record(content: &[u8]) -> Option<(PointsUpdateOperation, usize)> {
    let (length, rest) = content.split_first_chunk::<LENGTH_BYTES>()?;
    let (expected, rest) = rest.split_first_chunk::<CHECKSUM_BYTES>()?;
    let body = rest.get(..u32::from_le_bytes(*length) as usize)?;
    if checksum(body) != *expected {
        return None;
    }
    let operation = PointsUpdateOperation::decode(body).ok()?;
    Some((operation, HEADER_BYTES + body.len()))
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::digest(body);
    let mut head = [0; CHECKSUM_BYTES];
    head.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    head
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use qdrant_client::qdrant::points_update_operation::{DeletePoints, Operation};
    use qdrant_client::qdrant::{PointsIdsList, PointsSelector, points_selector};

    use super::*;

    fn delete(ids: &[u64]) -> PointsUpdateOperation {
        let list = PointsIdsList { ids: ids.iter().map(|id| (*id).into()).collect() };
        PointsUpdateOperation {
            operation: Some(Operation::DeletePoints(DeletePoints {
                points: Some(PointsSelector {
                    points_selector_one_of: Some(points_selector::PointsSelectorOneOf::Points(list)),
                }),
                shard_key_selector: None,
            })),
        }
    }

    proptest! {
        #[test]
        fn a_cut_or_flipped_journal_yields_a_prefix(
            batches in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..5), 0..6),
            cut in any::<prop::sample::Index>(),
            flip in any::<bool>(),
        ) {
            let operations: Vec<_> = batches.iter().map(|ids| delete(ids)).collect();
            let mut content = Vec::new();
            let mut ends = Vec::new();
            for operation in &operations {
                content.extend(encode(operation).unwrap());
                ends.push(content.len());
            }
            let at = cut.index(content.len() + 1);
            if flip && at < content.len() {
                content[at] ^= 0x10;
            } else {
                content.truncate(at);
            }
            let (read, valid) = decode(&content);
            let whole = ends.iter().filter(|end| **end <= at).count();
            prop_assert_eq!(&read[..], &operations[..whole]);
            prop_assert_eq!(valid, if whole == 0 { 0 } else { ends[whole - 1] });
        }
    }

    #[test]
    fn reopening_drops_the_tail_and_appends_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&delete(&[1])).unwrap();
        let good = journal.bytes();
        journal.append(&delete(&[2])).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(good + 3).unwrap();

        let (mut journal, read) = Journal::open(&path).unwrap();
        assert_eq!(read, [delete(&[1])]);
        journal.append(&delete(&[3])).unwrap();
        let (_, read) = Journal::open(&path).unwrap();
        assert_eq!(read, [delete(&[1]), delete(&[3])]);
    }
}
