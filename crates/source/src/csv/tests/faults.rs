//! Faults of content: each of the list of what a parser must survive.

use super::*;

fn ok(outcome: &Outcome, ids: &[&str]) {
    assert_eq!(outcome.ids(), ids, "{:?}", outcome.reasons());
    assert_eq!(outcome.reasons(), [""; 0]);
}

#[test]
fn byte_order_mark() {
    ok(&read(format!("\u{feff}{HEADER}\n{}\n", row(1))), &["1"]);
}

#[test]
fn crlf_and_lf_and_blank_lines() {
    ok(&read(format!("{HEADER}\r\n{}\r\n{}\n\r\n\n{}\r\n", row(1), row(2), row(3))), &["1", "2", "3"]);
}

#[test]
fn no_final_newline() {
    ok(&read(format!("{HEADER}\n{}\n{}", row(1), row(2))), &["1", "2"]);
    ok(&read(format!("{HEADER}\n{}\r", row(1))), &["1"]);
}

#[test]
fn last_line_cut_inside_a_quote() {
    let cut = "2,JB1,12/31/2017 11:58:00 PM,\"046XX N ST LOU";
    let outcome = read(format!("{HEADER}\n{}\n{cut}", row(1)));
    assert_eq!(outcome.ids(), ["1"]);
    assert_eq!(outcome.reasons(), ["the file ends inside a quoted field"]);
    assert_eq!(outcome.rejected[0].bytes, cut.as_bytes());
}

#[test]
fn last_record_of_several_lines_cut_inside_a_quote_is_one_rejected_record() {
    let cut = "2,JB1,12/31/2017 11:58:00 PM,\"046XX\n,  \n(41.7";
    let outcome = read(format!("{HEADER}\n{}\n{cut}", row(1)));
    assert_eq!((outcome.ids(), outcome.rejected.len()), (vec!["1"], 1));
    assert_eq!(outcome.rejected[0].bytes, cut.as_bytes());
}

#[test]
fn line_breaks_and_doubled_quotes_in_fields() {
    let text = row(1).replace("046XX N ST LOUIS AVE", "\"046XX \"\"N\"\"\r\n, ST, \"\"LOUIS\"\"\"");
    let outcome = read(format!("{HEADER}\n{text}\n{}\n", row(2)));
    ok(&outcome, &["1", "2"]);
    let block = outcome.incidents.iter().find(|incident| incident.id == "1").unwrap().block.as_deref();
    assert_eq!(block, Some("046XX \"N\"\r\n, ST, \"LOUIS\""));
}

#[test]
fn a_quote_inside_an_unquoted_field_is_text() {
    let text = row(1).replace("046XX N ST LOUIS AVE", "046XX \"N\" ST");
    let outcome = read(format!("{HEADER}\n{text}\n"));
    ok(&outcome, &["1"]);
    assert_eq!(outcome.incidents[0].block.as_deref(), Some("046XX \"N\" ST"));
}

#[test]
fn no_break_spaces() {
    let text = row(1).replace("BURGLARY", "\u{a0}CRIMINAL\u{a0}DAMAGE\u{a0}");
    let outcome = read(format!("{HEADER}\n{text}\n"));
    ok(&outcome, &["1"]);
    assert_eq!(outcome.incidents[0].category, "CRIMINAL DAMAGE");
}

#[test]
fn columns_missing_renamed_added_in_any_order_and_case() {
    let outcome = read("lon,note,PRIMARY_TYPE,iD,date,Lat\n-87.7,x,theft,5,7/19/2017 13:45,41.9\n");
    ok(&outcome, &["5"]);
    assert_eq!(outcome.incidents[0].position, Some((41.9, -87.7)));
    assert_eq!(outcome.incidents[0].category, "THEFT");
}

#[test]
fn leading_zeros_lost() {
    let text = row(1).replace(",0630,", ",630,").replace(",017,", ",17,").replace(",14,", ",14.0,");
    let outcome = read(format!("{HEADER}\n{text}\n"));
    ok(&outcome, &["1"]);
    let incident = &outcome.incidents[0];
    assert_eq!(incident.code.as_deref(), Some("0630"));
    assert_eq!((incident.areas["district"].as_str(), incident.areas["community_area"].as_str()), ("017", "14"));
}

#[test]
fn header_only() {
    ok(&read(format!("{HEADER}\n")), &[]);
    ok(&read(HEADER), &[]);
}

#[test]
fn empty_file() {
    for empty in ["", "\u{feff}", "\n\r\n"] {
        let outcome = read(empty);
        assert_eq!(outcome.rejected.len(), 1);
        assert!(outcome.reasons()[0].contains("empty"), "{:?}", outcome.reasons());
    }
}

#[test]
fn an_empty_id() {
    let outcome = read(format!("{HEADER}\n{}\n{}\n", row(1), row(2).replacen('2', "", 1)));
    assert_eq!((outcome.ids(), outcome.reasons()), (vec!["1"], vec!["no id"]));
}

#[test]
fn case_numbers_that_are_not_unique_and_ids_of_five_and_eight_digits() {
    ok(&read(format!("{HEADER}\n{}\n{}\n", row(10_000_001), row(23_456))), &["10000001", "23456"]);
}

#[test]
fn nul_bytes() {
    let bad = row(2).replace("BURGLARY", "BURG\0LARY");
    let outcome = read(format!("{HEADER}\n{}\n{bad}\n{}\n", row(1), row(3)));
    assert_eq!((outcome.ids(), outcome.reasons()), (vec!["1", "3"], vec!["a NUL byte"]));
    assert_eq!(outcome.rejected[0].bytes, bad.as_bytes());
}

#[test]
fn bytes_that_are_not_utf8() {
    let mut bytes = format!("{HEADER}\n{}\n", row(1)).into_bytes();
    bytes.extend(row(2).replace("BURGLARY", "?").bytes().map(|byte| if byte == b'?' { 0xff } else { byte }));
    let outcome = read(bytes);
    assert_eq!((outcome.ids(), outcome.reasons()), (vec!["1"], vec!["not UTF-8"]));
    assert!(outcome.rejected[0].bytes.contains(&0xff));
}

#[test]
fn too_few_and_too_many_fields() {
    let outcome = read(format!("{HEADER}\n{},x\n{}\n1,2\n{},\n", row(1), row(2), row(3)));
    assert_eq!((outcome.ids(), outcome.rejected.len()), (vec!["2", "3"], 2));
}

#[test]
fn the_header_again_in_the_middle() {
    ok(&read(format!("{HEADER}\n{}\n\u{feff}{HEADER}\r\n{}\n{HEADER}\n", row(1), row(2))), &["1", "2"]);
}

#[test]
fn a_stray_quote_costs_its_own_row_only() {
    // In the middle of a row, never closed.
    let open = row(2).replace("046XX", "\"046XX");
    let many: String = (1000..9000).map(|id| row(id) + "\n").collect();
    let outcome = read(format!("{HEADER}\n{}\n{open}\n{many}", row(1)));
    assert_eq!((outcome.incidents.len(), outcome.rejected.len()), (8001, 1));
    assert_eq!(outcome.rejected[0].bytes, open.as_bytes());
    // Closed by the next quote, some rows later.
    let outcome = read(format!("{HEADER}\n{open}\n{}\n{}\n{}\n", row(3), row(4).replace("046XX", "\"04\"6XX"), row(5)));
    assert_eq!((outcome.ids(), outcome.rejected.len()), (vec!["3", "5"], 2));
    // Closed thousands of rows later at a place that looks right.
    let close = row(3).replace("AVE,", "AVE\",");
    let outcome = read(format!("{HEADER}\n{open}\n{many}{close}\n{}\n", row(4)));
    assert_eq!((outcome.incidents.len(), outcome.rejected.len()), (8002, 1));
}

#[test]
fn a_runaway_quote_cannot_swallow_the_file() {
    let open = row(2).replace("046XX", "\"046XX");
    let many: String = (10_000..40_000).map(|id| row(id) + "\n").collect();
    assert!(many.len() > 3 * records::RECORD_LIMIT);
    let outcome = read(format!("{HEADER}\n{open}\n{many}"));
    assert_eq!((outcome.incidents.len(), outcome.rejected.len()), (30_000, 1));
    assert!(outcome.reasons()[0].contains("never closed"));
}

#[test]
fn a_line_without_end_is_rejected_in_pieces_and_the_next_line_kept() {
    let long = "x".repeat(3 * records::RECORD_LIMIT);
    let outcome = read(format!("{HEADER}\n{}\n{long}\n{}\n", row(1), row(2)));
    assert_eq!(outcome.ids(), ["1", "2"]);
    assert!(outcome.rejected.iter().all(|record| record.bytes.len() <= table::KEPT_BYTES));
    assert!(outcome.reasons()[0].contains("are kept"), "{:?}", outcome.reasons());
}

#[test]
fn binary_and_other_files_are_refused_with_a_sentence() {
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (bytes, expect) in [
        (noise.as_slice(), "binary"),
        (b"{\"type\":\"FeatureCollection\"}", "GeoJSON"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04rest", "zip"),
        (b"PAR1rest", "Parquet"),
        (b"\xff\xfeI\0D\0", "UTF-16"),
        (b"ID;Date;Primary Type\n1;2;3\n", "separated by ';'"),
        (b"IUCR,PRIMARY DESCRIPTION\n110,HOMICIDE\n", "no column for `id`"),
        (b"Dear Sir,\nplease find enclosed\n", "no column for `id`"),
        (b"\"ID,Date\n1,2", "its first line is not a CSV header"),
    ] {
        let error = refusal(bytes);
        assert!(error.contains(expect) && error.contains("crimes.csv is refused"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path(), "chicago", 1, None).map(drain).unwrap_err().to_string();
    assert!(error.contains("directory"), "{error}");
    let error = open(&folder.path().join("none.csv"), "chicago", 1, None).map(drain).unwrap_err().to_string();
    assert!(error.contains("none.csv"), "{error}");
}
