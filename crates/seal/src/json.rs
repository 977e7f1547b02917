//! Sealed JSON documents.
//!
//! ```json
//! {
//!   "format": 2,
//!   "version": 7,
//!   "checksum": "xxh3:0123456789abcdef"
//! }
//! ```
//! The last member is the checksum of all bytes before the comma in front of it, and has exactly these bytes: any reader of
//! JSON can ignore it, and no byte of the file is without it.

use crate::checksum;
use serde::Serialize;

const BEFORE: &str = ",\n  \"checksum\": \"";
const AFTER: &str = "\"\n}\n";
/// `xxh3:` and 16 digits.
const CHECKSUM: usize = 21;

/// What a document shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Its bytes are those that were sealed.
    Sound,
    /// It has none: an older version wrote it, or a person.
    Absent,
    /// Its bytes are not those that were sealed.
    Broken,
}

/// Seals a JSON object that has at least one member. Anything else is left as it is.
pub fn seal(document: &[u8]) -> Vec<u8> {
    let mut sealed = document.trim_ascii_end().to_vec();
    if sealed.pop() != Some(b'}') || sealed.trim_ascii_end().ends_with(b"{") {
        return document.to_vec();
    }
    sealed.truncate(sealed.trim_ascii_end().len());
    let checksum = checksum(&sealed);
    sealed.extend_from_slice(BEFORE.as_bytes());
    sealed.extend_from_slice(checksum.as_bytes());
    sealed.extend_from_slice(AFTER.as_bytes());
    sealed
}

/// A value as sealed JSON. A value that is not a JSON object is not sealed.
pub fn to_sealed_json<T: Serialize>(value: &T) -> Vec<u8> {
    // Plain structs of strings and numbers: there is nothing that JSON cannot say.
    seal(&serde_json::to_vec_pretty(value).unwrap_or_default())
}

/// What a document shows.
pub fn seal_of(document: &[u8]) -> Seal {
    let parts = document
        .len()
        .checked_sub(BEFORE.len() + CHECKSUM + AFTER.len())
        .map(|end| (document.split_at(end), BEFORE.as_bytes()));
    if let Some(((body, seal), before)) = parts
        && let Some(rest) = seal.strip_prefix(before)
        && let Some(found) = rest.strip_suffix(AFTER.as_bytes())
    {
        return if found == checksum(body).as_bytes() { Seal::Sound } else { Seal::Broken };
    }
    // A byte of the seal itself was changed, or the document was cut off or edited behind it.
    if is_trace(document) { Seal::Broken } else { Seal::Absent }
}

/// Whether something of a seal is left near the end.
fn is_trace(document: &[u8]) -> bool {
    // The last member is a list, such as files with checksums of their own: it never was a seal.
    let members = document.trim_ascii_end().strip_suffix(b"}").unwrap_or_default().trim_ascii_end();
    if members.ends_with(b"]") {
        return false;
    }
    let from = document.len().saturating_sub(BEFORE.len() + CHECKSUM + AFTER.len() + 8);
    let end = String::from_utf8_lossy(&document[from..]);
    end.contains("\"checksum\"") || end.contains("xxh3:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sealed_document_is_json_with_one_more_member() {
        let sealed = seal(b"{\n  \"version\": 7\n}\n");
        let text = String::from_utf8_lossy(&sealed).into_owned();
        assert!(text.starts_with("{\n  \"version\": 7,\n  \"checksum\": \"xxh3:"), "{text}");
        let value: serde_json::Value = serde_json::from_slice(&sealed).expect("JSON");
        assert_eq!(value["version"], 7);
        assert_eq!(seal_of(&sealed), Seal::Sound);
        assert_eq!(seal_of(b"{\n  \"version\": 7\n}\n"), Seal::Absent);
        let listed = b"{\n  \"files\": [\n    {\n      \"checksum\": \"xxh3:0123456789abcdef\"\n    }\n  ]\n}\n";
        assert_eq!(seal_of(listed), Seal::Absent, "what a list ends with is not the document's");
        assert_eq!(seal(b"{}"), b"{}", "an empty object has nothing to seal");
        assert_eq!(seal(b"[1]"), b"[1]");
    }

    #[test]
    fn every_changed_byte_breaks_the_seal() {
        let sealed = seal(b"{\n  \"format\": 2,\n  \"path\": \"7\"\n}\n");
        for index in 0..sealed.len() {
            for bit in 0..8 {
                let mut damaged = sealed.clone();
                damaged[index] ^= 1 << bit;
                assert_ne!(seal_of(&damaged), Seal::Sound, "byte {index}, bit {bit}");
                assert_eq!(seal_of(&damaged), Seal::Broken, "byte {index}, bit {bit}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_cut_off_is_never_sound(version in any::<u64>(), cut in 1_usize..60) {
            let sealed = to_sealed_json(&serde_json::json!({ "version": version }));
            let left = sealed.len().saturating_sub(cut);
            prop_assert_ne!(seal_of(&sealed[..left]), Seal::Sound);
        }
    }
}
