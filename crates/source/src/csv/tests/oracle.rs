//! Random files against a reader that looks at one byte after the other, in random cuts and from every position.

#![expect(
    clippy::type_complexity,
    clippy::format_push_string,
    reason = "a test's generated tables, written for reading"
)]

use super::*;
use crate::csv::records::Next;
use proptest::prelude::*;
use std::io::{Cursor, Read};

/// The bytes, in pieces of the given sizes, again and again.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(buffer.len());
        self.turn += 1;
        self.bytes.read(&mut buffer[..size])
    }
}

/// Fields of well-formed CSV, one byte at a time.
fn oracle(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut records, mut fields, mut field) = (Vec::new(), Vec::new(), Vec::new());
    let (mut quoted, mut at) = (false, 0);
    let mut began = false;
    while at < text.len() {
        let byte = text[at];
        match byte {
            b'"' if quoted && text.get(at + 1) == Some(&b'"') => {
                field.push(b'"');
                at += 1;
            }
            b'"' if quoted => quoted = false,
            _ if quoted => field.push(byte),
            b'"' if field.is_empty() => {
                quoted = true;
                began = true;
            }
            b',' => {
                fields.push(std::mem::take(&mut field));
                began = true;
            }
            b'\r' if text.get(at + 1) == Some(&b'\n') => {}
            b'\n' => {
                if began || !field.is_empty() {
                    fields.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut fields));
                }
                began = false;
            }
            _ => field.push(byte),
        }
        at += 1;
    }
    if began || !field.is_empty() {
        fields.push(field);
        records.push(fields);
    }
    records
}

fn records_of(bytes: Vec<u8>, sizes: Vec<usize>, width: usize) -> Vec<(Next, Vec<Vec<u8>>, Vec<u8>, u64)> {
    let mut records = Records::new(Box::new(Pieces { bytes: Cursor::new(bytes), sizes, turn: 0 }), 0);
    records.set_width(width);
    let mut all = Vec::new();
    loop {
        let next = records.read_next().unwrap();
        if next == Next::End {
            return all;
        }
        let row = records.row();
        let fields = match next {
            Next::Record => (0..row.len()).map(|index| row.field(index).to_vec()).collect(),
            _ => Vec::new(),
        };
        all.push((next, fields, records.raw().to_vec(), records.offset()));
    }
}

fn written(records: &[Vec<String>], quote_all: bool, line_end: &str, last: bool) -> Vec<u8> {
    let mut text = String::new();
    for (index, fields) in records.iter().enumerate() {
        for (column, field) in fields.iter().enumerate() {
            text += if column > 0 { "," } else { "" };
            if quote_all || field.contains([',', '"', '\n', '\r']) || field.is_empty() && fields.len() == 1 {
                text += &format!("\"{}\"", field.replace('"', "\"\""));
            } else {
                text += field;
            }
        }
        text += if last || index + 1 < records.len() { line_end } else { "" };
    }
    text.into_bytes()
}

proptest! {
    #[test]
    fn any_cut_of_a_well_formed_file_gives_the_oracles_rows(
        records in prop::collection::vec(prop::collection::vec("[ab,\"\n\r é]{0,6}", 3), 0..20),
        sizes in prop::collection::vec(1_usize..40, 1..5),
        quote_all: bool,
        crlf: bool,
        last: bool,
    ) {
        let text = written(&records, quote_all, if crlf { "\r\n" } else { "\n" }, last);
        let expect = oracle(&text);
        let as_bytes: Vec<Vec<Vec<u8>>> =
            records.iter().map(|fields| fields.iter().map(|field| field.clone().into_bytes()).collect()).collect();
        prop_assert_eq!(&expect, &as_bytes);
        let found = records_of(text, sizes, 3);
        prop_assert!(found.iter().all(|(next, ..)| *next == Next::Record));
        let found: Vec<_> = found.into_iter().map(|(_, fields, ..)| fields).collect();
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn any_bytes_give_the_same_records_in_any_cut_and_each_byte_once(
        bytes in prop::collection::vec(prop::sample::select(b"a,,\"\n\n\r".to_vec()), 0..120),
        sizes in prop::collection::vec(1_usize..30, 1..5),
        width in 1_usize..4,
    ) {
        let whole = records_of(bytes.clone(), vec![usize::MAX], width);
        prop_assert_eq!(&whole, &records_of(bytes.clone(), sizes, width));
        let mut at = 0;
        for (_, _, raw, offset) in &whole {
            let offset = *offset as usize;
            prop_assert!(bytes[at..offset].iter().all(|byte| matches!(byte, b'\r' | b'\n')));
            prop_assert_eq!(&bytes[offset..offset + raw.len()], &raw[..]);
            at = offset + raw.len();
        }
        prop_assert!(bytes[at..].iter().all(|byte| matches!(byte, b'\r' | b'\n')));
    }

    #[test]
    fn resuming_at_every_position_gives_the_rows_of_one_pass(
        lines in prop::collection::vec((0_u64..1000, 0..8_u8), 0..30),
        chunk_rows in 1_usize..9,
    ) {
        let mut text = format!("{HEADER}\n");
        for (id, kind) in lines {
            text += &match kind {
                0 => "bad\n".to_owned(),
                1 => row(id).replace("046XX", "\"046XX") + "\n",
                2 => row(id).replace("BURGLARY", "\"BURG\n\"\"LARY\"") + "\r\n",
                3 => format!("\n{HEADER}\n"),
                _ => row(id) + "\n",
            };
        }
        let file = file(text);
        let whole = drain(open(&file.path, "chicago", chunk_rows, None).unwrap());
        let mut resumed = Outcome::default();
        let mut position: Option<Vec<u8>> = None;
        loop {
            let mut source = open(&file.path, "chicago", chunk_rows, position.as_deref()).unwrap();
            match source.next().unwrap() {
                Step::Chunk(chunk) => {
                    resumed.incidents.extend(rows_of(&chunk));
                    resumed.rejected.extend(chunk.rejected);
                    position = Some(chunk.position);
                }
                _ => break,
            }
        }
        prop_assert_eq!(&resumed.incidents, &whole.incidents);
        prop_assert_eq!(&resumed.rejected, &whole.rejected);
    }
}
