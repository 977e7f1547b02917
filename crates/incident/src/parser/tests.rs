//! Rows as cities publish them.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use crate::{Incident, IncidentBatch};
use blotter_city::parse_civil;
use proptest::prelude::*;

const HEADER: &str = "ID,Case Number,Date,Block,IUCR,Primary Type,Description,Location Description,Arrest,Domestic,Beat,District,Ward,Community Area,Updated On,Latitude,Longitude";
const GOOD: &str = "11192233,JB100016,12/31/2017 11:58:00 PM,046XX N ST LOUIS AVE,0630,BURGLARY,ATTEMPT FORCIBLE ENTRY,APARTMENT,false,true,1723,017,33,14,05/04/2018 03:51:04 PM,41.965693651,-87.715726125";

fn profile(slug: &str) -> Arc<Profile> {
    let path = format!("{}/../../cities/{slug}.toml", env!("CARGO_MANIFEST_DIR"));
    Arc::new(Profile::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn row(text: &str) -> (Vec<u8>, Vec<usize>) {
    let mut ends = Vec::new();
    let mut bytes = Vec::new();
    for field in text.split(',') {
        bytes.extend_from_slice(field.as_bytes());
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn parse(header: &str, text: &str) -> Result<Incident, Reason> {
    let profile = profile("chicago");
    let mut parser = Parser::new(Arc::clone(&profile), 1);
    let names: Vec<&str> = header.split(',').collect();
    parser.set_header(Header::resolve(&profile, &names).unwrap());
    let (bytes, ends) = row(text);
    let observation = Observation { observed_at: UtcMicros(7), deleted: false, id: None };
    parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(1_700_000_000_000_000))?;
    let batches = parser.finish().unwrap();
    Ok(IncidentBatch::try_new(&batches[0].1).unwrap().incident(0))
}

#[test]
fn a_published_row() {
    let incident = parse(HEADER, GOOD).unwrap();
    assert_eq!(incident.id, "11192233");
    assert_eq!(incident.occurred_at, parse_civil("2017-12-31T23:58:00").unwrap());
    assert_eq!(blotter_city::format_utc(incident.occurred_at_utc), "2018-01-01T05:58:00Z");
    assert_eq!(incident.updated_at, parse_civil("2018-05-04T15:51:04"));
    assert_eq!((incident.category.as_str(), incident.code.as_deref()), ("BURGLARY", Some("0630")));
    assert_eq!((incident.arrest, incident.domestic), (Some(false), Some(true)));
    assert_eq!(incident.areas["beat"], "1723");
    assert_eq!(incident.areas["district"], "017");
    assert_eq!(incident.areas["community_area"], "14");
    assert_eq!(incident.position, Some((41.965_693_651, -87.715_726_125)));
}

#[test]
fn published_faults_are_survived() {
    let check = |from: &str, to: &str, look: fn(&Incident) -> String, expect: &str| {
        assert!(GOOD.contains(from));
        assert_eq!(look(&parse(HEADER, &GOOD.replacen(from, to, 1)).unwrap()), expect, "{to:?}");
    };
    let area = |incident: &Incident| format!("{:?}", incident.areas.get("community_area"));
    check(",14,", ",14.0,", area, "Some(\"14\")");
    check(",14,", ",0,", area, "None");
    check(",14,", ",,", area, "None");
    check(",017,", ",17,", |i| i.areas["district"].clone(), "017");
    check(",1723,", ",313,", |i| i.areas["beat"].clone(), "0313");
    check("0630", "630", |i| i.code.clone().unwrap(), "0630");
    check(
        "BURGLARY",
        "NON - CRIMINAL",
        |i| format!("{} < {}", i.category, i.category_published),
        "NON-CRIMINAL < NON - CRIMINAL",
    );
    check("BURGLARY", "\u{a0}burglary ", |i| i.category.clone(), "BURGLARY");
    check("BURGLARY", "", |i| i.category.clone(), "UNKNOWN");
    let position = |incident: &Incident| format!("{:?}", incident.position);
    check("41.965693651,-87.715726125", "0,0", position, "None");
    check("41.965693651,-87.715726125", ",-87.715726125", position, "None");
    check("41.965693651,-87.715726125", "36.619446395,-91.686565684", position, "Some((36.619446395, -91.686565684))");
    check(
        "12/31/2017 11:58:00 PM",
        "7/19/2017 13:45",
        |i| blotter_city::format_civil(i.occurred_at),
        "2017-07-19T13:45:00",
    );
    check("12/31/2017 11:58:00 PM", "07/2017", |i| blotter_city::format_civil(i.occurred_at), "2017-07-01T00:00:00");
    check("05/04/2018 03:51:04 PM", "", |i| format!("{:?}", i.updated_at), "None");
    check("false", "", |i| format!("{:?}", i.arrest), "None");
    check("false", "Y", |i| format!("{:?}", i.arrest), "Some(true)");
}

#[test]
fn bad_rows_are_rejected_with_a_reason() {
    let check = |from: &str, to: &str, expect: &str| {
        assert!(GOOD.contains(from));
        let reason = parse(HEADER, &GOOD.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(reason.contains(expect), "{reason}");
    };
    check("11192233", "", "no id");
    check("12/31/2017 11:58:00 PM", "", "no date");
    check("12/31/2017 11:58:00 PM", "02/30/2017 11:58:00 PM", "02/30/2017");
    check("12/31/2017 11:58:00 PM", "12/31/2317 11:58:00 PM", "future");
    check("12/31/2017 11:58:00 PM", "12/31/1017 11:58:00 PM", "1900");
    check("05/04/2018 03:51:04 PM", "soon", "updated_at");
    check("false", "perhaps", "neither true nor false");
    check("-87.715726125", "-87.715726125,more", "18 fields where the header has 17");
    check(",14,", ",", "16 fields");
    check("BURGLARY", &"A".repeat(20_000), "20000 bytes");
}

#[test]
fn what_is_not_a_coordinate_is_kept_without_a_place() {
    for text in ["north", "91", "NaN", "REDACTED", "N/A"] {
        let incident = parse(HEADER, &GOOD.replacen("41.965693651", text, 1)).unwrap();
        assert_eq!(incident.position, None, "{text}");
    }
}

#[test]
fn a_time_with_an_offset_is_the_citys_time() {
    let check = |text: &str, expect: &str| {
        let incident = parse(HEADER, &GOOD.replacen("12/31/2017 11:58:00 PM", text, 1)).unwrap();
        assert_eq!(blotter_city::format_civil(incident.occurred_at), expect, "{text}");
    };
    check("2018-01-01T05:58:00.000Z", "2017-12-31T23:58:00");
    check("2018-01-01T05:58:00+00:00", "2017-12-31T23:58:00");
    check("2018-01-01 06:58:00+0100", "2017-12-31T23:58:00");
    check("2017-12-31T23:58:00-06", "2017-12-31T23:58:00");
    check("2017-12-31", "2017-12-31T00:00:00");
}

#[test]
fn headers_in_any_order_case_and_number() {
    let row = "0630,2015-09-07T00:30:00.000,burglary,77";
    let incident = parse("iucr,date,primary_type,id", row).unwrap();
    assert_eq!((incident.id.as_str(), incident.category.as_str()), ("77", "BURGLARY"));
    let with_bom = format!("\u{feff}{HEADER}");
    assert_eq!(parse(&with_bom, GOOD).unwrap().id, "11192233");
    let error =
        Header::resolve(&profile("chicago"), &["IUCR", "PRIMARY DESCRIPTION", "INDEX CODE"]).unwrap_err().to_string();
    assert!(error.contains("no column for `id`") && error.contains("INDEX CODE"), "{error}");
}

#[test]
fn time_in_a_column_of_its_own_and_key_columns() {
    let profile = profile("new-york-shootings");
    let mut parser = Parser::new(Arc::clone(&profile), 4);
    let header =
        Header::resolve(&profile, &["INCIDENT_KEY", "OCCUR_DATE", "OCCUR_TIME", "BORO", "STATISTICAL_MURDER_FLAG"])
            .unwrap();
    assert_eq!(header.key_columns(), &[0]);
    parser.set_header(header);
    let (bytes, ends) = row("169180023,09/09/2017,03:57:00,STATEN ISLAND,FALSE");
    let observation = Observation { observed_at: UtcMicros(0), deleted: false, id: Some("169180023-1") };
    parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(1_700_000_000_000_000)).unwrap();
    let (partition, batch) = parser.finish().unwrap().remove(0);
    assert_eq!(partition, partition_of(b"new-york-shootings/169180023-1", 4));
    let incident = IncidentBatch::try_new(&batch).unwrap().incident(0);
    assert_eq!(blotter_city::format_utc(incident.occurred_at_utc), "2017-09-09T07:57:00Z");
    assert_eq!(
        (incident.category.as_str(), incident.areas["borough"].as_str()),
        ("SHOOTING, NOT FATAL", "STATEN ISLAND")
    );
}

#[test]
fn a_typed_row_gives_the_batch_of_its_text() {
    let profile = profile("chicago");
    let observation = Observation { observed_at: UtcMicros(7), deleted: true, id: None };
    let now = UtcMicros(1_700_000_000_000_000);
    let (bytes, ends) = row(&GOOD.replace("BURGLARY", "CRIM SEXUAL ASSAULT"));
    let mut by_text = Parser::new(Arc::clone(&profile), 2);
    by_text.set_header(Header::resolve(&profile, &HEADER.split(',').collect::<Vec<_>>()).unwrap());
    by_text.push(&Row::new(&bytes, &ends), &observation, now).unwrap();
    let mut by_type = Parser::new(Arc::clone(&profile), 2);
    let columns = [
        (WordColumn::Category, "CRIM SEXUAL ASSAULT"),
        (WordColumn::CategoryPublished, "CRIM SEXUAL ASSAULT"),
        (WordColumn::Description, "ATTEMPT FORCIBLE ENTRY"),
        (WordColumn::Place, "APARTMENT"),
        (WordColumn::Code, "630"),
        (WordColumn::Layer(0), "14"),
        (WordColumn::Layer(1), "17"),
        (WordColumn::Layer(2), "1723"),
        (WordColumn::Layer(3), "33"),
    ];
    let words = columns.map(|(column, text)| by_type.word(column, text));
    let mut typed = TypedRow {
        id: "11192233",
        case_number: "JB100016",
        occurred_at: parse_civil("2017-12-31T23:58:00").unwrap(),
        updated_at: parse_civil("2018-05-04T15:51:04"),
        words: &words,
        block: "046XX N ST LOUIS AVE",
        arrest: Some(false),
        domestic: Some(true),
        position: Some((41.965_693_651, -87.715_726_125)),
    };
    by_type.push_typed(&typed, &observation, now).unwrap();
    assert_eq!(by_type.finish().unwrap(), by_text.finish().unwrap());
    assert!(matches!(by_type.push_typed(&typed, &observation, UtcMicros(0)), Err(Reason::Future(_))));
    typed.id = "";
    assert_eq!(by_type.push_typed(&typed, &observation, now), Err(Reason::NoId));
}

#[test]
fn the_hash_is_of_content_alone() {
    let of = |text: &str| parse(HEADER, text).unwrap().content_hash;
    assert_eq!(of(GOOD), of(&GOOD.replace("05/04/2018", "05/05/2018")));
    assert_eq!(of(GOOD), of(&GOOD.replace(",017,", ",17,")));
    for (from, to) in
        [("false", "true"), ("0630", "0631"), (",14,", ",15,"), ("41.965693651", "41.965693652"), ("046XX", "047XX")]
    {
        assert_ne!(of(GOOD), of(&GOOD.replacen(from, to, 1)), "{to}");
    }
}

proptest! {
    #[test]
    fn never_panics_and_every_row_is_accepted_or_rejected(fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..24), 0..20)) {
        let profile = profile("chicago");
        let mut parser = Parser::new(Arc::clone(&profile), 3);
        let names: Vec<&str> = HEADER.split(',').collect();
        parser.set_header(Header::resolve(&profile, &names).unwrap());
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for field in fields {
            bytes.extend(field);
            ends.push(bytes.len());
        }
        let observation = Observation { observed_at: UtcMicros(0), deleted: false, id: None };
        let accepted = parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(0)).is_ok();
        prop_assert_eq!(parser.finish().unwrap().iter().map(|(_, batch)| batch.num_rows()).sum::<usize>(), usize::from(accepted));
    }
}
