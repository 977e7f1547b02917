use super::*;
use arrow::{
    array::{
        Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray, UInt16Array, UInt32Array, UInt64Array,
    },
    datatypes::{Int8Type, UInt16Type},
};
use proptest::prelude::*;
use std::sync::Arc;

/// Encodes, decodes, and expects the same batch; gives the stored size.
fn check(columns: Vec<(&str, ArrayRef)>) -> usize {
    let records =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .expect("columns");
    let bytes = encode(&records, 7, 1_700_000_000_123).expect("encodes");
    let header = header(&bytes).expect("header");
    assert_eq!(
        (header.schema, header.rows as usize, header.appended_at_ms),
        (7, records.num_rows(), 1_700_000_000_123)
    );
    assert_eq!(decode(&bytes, records.schema_ref()).expect("decodes"), records);
    bytes.len()
}

#[test]
fn every_type_comes_back() {
    let text: DictionaryArray<UInt16Type> = [Some("THEFT"), None, Some("ARSON"), Some("THEFT")].into_iter().collect();
    let signed_keys: DictionaryArray<Int8Type> = ["a", "b", "a", "c"].into_iter().collect();
    check(vec![
        ("text", Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some("ünïcode")]))),
        ("bytes", Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\xff\0"), None, None, Some(b"")]))),
        ("dictionary", Arc::new(text)),
        ("signed", Arc::new(signed_keys)),
        (
            "minutes",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(60_000_000), None, Some(-120_000_000), Some(0)])
                    .with_timezone("UTC"),
            ),
        ),
        ("extremes", Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, 0, -1]))),
        ("unsigned", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1 << 63, 5]))),
        ("small", Arc::new(UInt32Array::from(vec![u32::MAX, 0, 1, 5]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]))),
        ("float", Arc::new(Float64Array::from(vec![Some(41.881_832), None, Some(-0.0), Some(f64::INFINITY)]))),
        ("nothing", Arc::new(StringArray::new_null(4))),
        ("no_word", Arc::new(DictionaryArray::<UInt16Type>::from_iter([None::<&str>; 4]))),
    ]);
}

#[test]
fn slices_come_back() {
    let text: ArrayRef =
        Arc::new(StringArray::from((0..100).map(|i| (i % 7 != 0).then(|| format!("id{i}"))).collect::<Vec<_>>()));
    let word: ArrayRef =
        Arc::new((0..100).map(|i| Some(["x", "y", "z"][i % 3])).collect::<DictionaryArray<UInt16Type>>());
    let flag: ArrayRef = Arc::new((0..100).map(|i| (i % 5 != 0).then_some(i % 2 == 0)).collect::<BooleanArray>());
    let number: ArrayRef = Arc::new((0..100).map(|i| (i % 3 != 0).then_some(i * 1_000_000)).collect::<Int64Array>());
    for (start, length) in [(0, 100), (3, 50), (99, 1), (17, 8)] {
        check(vec![
            ("text", text.slice(start, length)),
            ("word", word.slice(start, length)),
            ("flag", flag.slice(start, length)),
            ("number", number.slice(start, length)),
        ]);
    }
}

#[test]
fn a_shared_dictionary_costs_a_small_batch_nothing() {
    let words: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..30_000).map(|i| format!("a long word of number {i}"))));
    let keys = UInt16Array::from(vec![Some(29_999), None, Some(3), Some(29_999)]);
    let size = check(vec![("word", Arc::new(DictionaryArray::new(keys, words)))]);
    assert!(size < 150, "{size} bytes");
}

#[test]
fn text_hidden_below_a_missing_value_is_dropped() {
    let shown = StringArray::from(vec!["one", "two", "three"]);
    let nulls = arrow::buffer::NullBuffer::from(vec![true, false, true]);
    let hidden = StringArray::new(shown.offsets().clone(), shown.values().clone(), Some(nulls));
    check(vec![("text", Arc::new(hidden))]);
}

#[test]
fn a_type_without_an_encoding_is_named() {
    let list = arrow::array::new_null_array(&DataType::new_list(DataType::Utf8, true), 1);
    let records = RecordBatch::try_from_iter([("areas", list)]).expect("columns");
    assert!(matches!(encode(&records, 0, 0), Err(EncodeError::Unencodable { column, .. }) if column == "areas"));
}

fn sample() -> (RecordBatch, Vec<u8>) {
    let records = RecordBatch::try_from_iter([
        ("id", Arc::new(StringArray::from_iter_values((0..50).map(|i| i.to_string()))) as ArrayRef),
        ("word", Arc::new((0..50).map(|i| ["x", "y"][i % 2]).collect::<DictionaryArray<UInt16Type>>()) as ArrayRef),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values((0..50).map(|i| i * 60_000_000))) as ArrayRef),
        ("flag", Arc::new((0..50).map(|i| (i % 5 != 0).then_some(i % 2 == 0)).collect::<BooleanArray>()) as ArrayRef),
    ])
    .expect("columns");
    let bytes = encode(&records, 0, 0).expect("encodes");
    (records, bytes)
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let (records, bytes) = sample();
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length], records.schema_ref()).is_err(), "cut at {length}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let same = decode(&damaged, records.schema_ref()).is_ok_and(|decoded| decoded == records);
        // The schema's number is checked by its hash, and here it is not looked at otherwise.
        assert!(!same, "bit {bit}");
        assert!(decode(&damaged, records.schema_ref()).is_err(), "bit {bit}");
    }
}

proptest! {
    /// The checksum is made right again, so that the columns' own checks are what is tried.
    #[test]
    fn garbage_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>()) {
        let (records, _) = sample();
        let mut body = Body { numbers: Vec::new(), texts: Vec::new() };
        for column in records.columns() {
            columns::encode(column, &mut body).expect("encodes");
        }
        let (numbers, texts) = (body.numbers.len(), body.texts.len());
        let mut body = [body.numbers, body.texts].concat();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(cut.index(body.len() * 4).max(1));
        let mut bytes = vec![0; HEADER];
        bytes[0] = VERSION;
        bytes[4..8].copy_from_slice(&50_u32.to_le_bytes());
        bytes[8..12].copy_from_slice(&(numbers as u32).to_le_bytes());
        bytes[12..16].copy_from_slice(&(texts.min(body.len().saturating_sub(numbers)) as u32).to_le_bytes());
        bytes.extend_from_slice(&body);
        let sum = checksum(&bytes);
        bytes[CHECKED..HEADER].copy_from_slice(&sum.to_le_bytes());
        let _ = decode(&bytes, records.schema_ref());
    }

    #[test]
    fn numbers_come_back(numbers in prop::collection::vec(prop_oneof![any::<i64>(), -1000_i64..1000, (-100_000_i64..100_000).prop_map(|m| m * 60_000_000)], 1..200)) {
        let mut out = Vec::new();
        integers::encode(numbers.clone(), &mut out);
        let mut cursor = Cursor::new(&out);
        prop_assert_eq!(integers::decode(numbers.len(), &mut cursor), Ok(numbers));
        prop_assert!(cursor.is_empty());
    }
}
