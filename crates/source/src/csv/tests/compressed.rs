//! Compressed files: told by their bytes, in several members, cut and damaged.

#![expect(clippy::type_complexity, reason = "a table of named packers")]

use super::*;
use std::io::Write;

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

const ALL: [(&str, fn(&[u8]) -> Vec<u8>); 3] = [("gz", gz), ("xz", xz), ("zst", zst)];

/// Rows that do not compress to nothing.
fn text(rows: u64) -> String {
    let lines = (1..=rows).map(|id| row(id.wrapping_mul(0x9e37_79b9_7f4a_7c15)) + "\n");
    std::iter::once(format!("{HEADER}\n")).chain(lines).collect()
}

#[test]
fn each_compression_is_detected_by_its_bytes_and_resumes_at_every_chunk() {
    let text = text(500);
    let plain = read(&text);
    assert_eq!(plain.incidents.len(), 500);
    for (name, encode) in ALL {
        let file = file(encode(text.as_bytes()));
        let whole = drain(open(&file.path, "chicago", 60, None).unwrap());
        assert_eq!(whole.ids(), plain.ids(), "{name}");
        let mut rest = 500;
        for position in &whole.positions {
            rest -= rest.min(60);
            assert_eq!(drain(open(&file.path, "chicago", 60, Some(position)).unwrap()).incidents.len(), rest, "{name}");
        }
    }
}

#[test]
fn several_members_and_frames() {
    let text = text(300);
    let (first, second) = text.as_bytes().split_at(text.len() / 3);
    for (name, encode) in ALL {
        let outcome = read([encode(first), encode(second)].concat());
        assert_eq!((outcome.incidents.len(), outcome.rejected.len()), (300, 0), "{name}");
    }
}

#[test]
fn a_cut_file_gives_all_before_the_cut_and_says_so() {
    let text = text(20_000);
    for (name, encode) in ALL {
        let bytes = encode(text.as_bytes());
        let outcome = read(&bytes[..bytes.len() * 2 / 3]);
        assert!((10_000..20_000).contains(&outcome.incidents.len()), "{name}: {}", outcome.incidents.len());
        let last = outcome.rejected.last().unwrap();
        assert!(last.reason.contains("ends inside a compressed frame"), "{name}: {}", last.reason);
        // The record in which it breaks off is kept, and nothing of it accepted.
        assert!(outcome.rejected.len() <= 2, "{name}");
        let kept = outcome.rejected.iter().map(|record| record.bytes.len()).sum::<usize>();
        let accepted = (text.lines().skip(1)).take(outcome.incidents.len()).map(|line| line.len() + 1).sum::<usize>();
        assert!(text.as_bytes()[..HEADER.len() + 1 + accepted + kept].len() >= accepted, "{name}");
        // The same file again: the same end, and after it nothing.
        let keys = |outcome: &Outcome| outcome.rejected.iter().map(|record| record.key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&read(&bytes[..bytes.len() * 2 / 3])), keys(&outcome));
    }
}

#[test]
fn a_file_cut_in_its_first_bytes() {
    for (name, encode) in ALL {
        let outcome = read(&encode(text(3).as_bytes())[..12]);
        assert_eq!((outcome.incidents.len(), outcome.rejected.len()), (0, 1), "{name}");
        assert!(outcome.reasons()[0].contains("breaks off"), "{name}: {:?}", outcome.reasons());
    }
}

#[test]
fn damage_in_the_middle_ends_the_file_with_a_sentence() {
    let text = text(20_000);
    for (name, encode) in ALL {
        let mut bytes = encode(text.as_bytes());
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 400] {
            *byte ^= 0x5a;
        }
        let file = file(bytes);
        let outcome = drain(open(&file.path, "chicago", 1000, None).unwrap());
        let last = outcome.rejected.last().unwrap_or_else(|| panic!("{name}: nothing said"));
        assert!(last.reason.contains("damaged") || last.reason.contains("inside a compressed"), "{}", last.reason);
        assert!(!outcome.incidents.is_empty(), "{name}");
    }
}

#[test]
fn compressed_json_is_refused_too() {
    for (_, encode) in ALL {
        assert!(refusal(encode(b"{\"type\":\"FeatureCollection\"}")).contains("GeoJSON"));
    }
}
