//! Stores of a test's own, and incidents made by hand.

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Int32Type, Int64Type},
};
use blotter_city::{Profile, UtcMicros};
use blotter_incident::{Header, IncidentBatch, Observation, Parser, Row, incident_schema};
use blotter_store::{ArchiveTable, ArchiveWriter, EncodedFile, Store, StoreError, WriterLimits, to_incidents};
use std::{
    collections::{BTreeMap, HashMap},
    ops::{Deref, Range},
    sync::Arc,
};
use tempfile::TempDir;

pub(crate) const PARTITIONS: u32 = 2;

/// A fresh store, gone with the value.
pub(crate) struct Place {
    store: Store,
    url: String,
    variables: HashMap<String, String>,
    directory: Option<TempDir>,
}

pub(crate) type Open = fn() -> Place;

impl Place {
    /// The same store as another process sees it.
    pub(crate) fn again(&self) -> Store {
        open(&self.url, &self.variables).unwrap()
    }
}

impl Deref for Place {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.directory.is_none() {
            let _ = self.store.delete_folder("");
        }
    }
}

/// The variables of a real server: endpoint and credentials by their usual names, the bucket by `url`.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) variables: HashMap<String, String>,
}

/// The server, where there is one.
pub(crate) fn server() -> Option<Server> {
    let get = |name: &str| std::env::var(format!("BLOTTER_TEST_S3_{name}")).ok();
    let variables = [
        ("AWS_ENDPOINT_URL_S3", get("ENDPOINT")?),
        ("AWS_ACCESS_KEY_ID", get("ACCESS_KEY_ID")?),
        ("AWS_SECRET_ACCESS_KEY", get("SECRET_ACCESS_KEY")?),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
    Some(Server { url: format!("{}/test-{}", get("URL")?, uuid::Uuid::new_v4()), variables })
}

/// Whether what an implementation needs is here; says so where it is not.
pub(crate) fn is_here(open: &str) -> bool {
    let missing = open.contains("s3") && server().is_none();
    if missing {
        blotter_testing::skipped("no S3 server: `make test` starts one");
    }
    !missing
}

pub(crate) fn open(url: &str, variables: &HashMap<String, String>) -> Result<Store, StoreError> {
    Store::open_with(url, &|name| variables.get(name).cloned())
}

pub(crate) fn open_directory() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("file://{}/made", directory.path().display());
    let variables = HashMap::new();
    Place { store: open(&url, &variables).unwrap(), url, variables, directory: Some(directory) }
}

pub(crate) fn open_s3() -> Place {
    let Server { url, variables } = server().unwrap();
    Place { store: open(&url, &variables).unwrap(), url, variables, directory: None }
}

pub(crate) fn profile() -> Arc<Profile> {
    Arc::new(Profile::from_toml(include_str!("../../../../cities/chicago.toml")).unwrap())
}

/// One incident for each number, all of one partition; their years differ.
pub(crate) fn incidents(numbers: Range<u64>) -> RecordBatch {
    const HEADER: [&str; 9] =
        ["ID", "Case Number", "Date", "Primary Type", "Description", "Beat", "Block", "Latitude", "Longitude"];
    let mut parser = Parser::new(profile(), 1);
    parser.set_header(Header::resolve(parser.profile(), &HEADER).unwrap());
    for number in numbers {
        let (id, case_number) = (number.to_string(), format!("HX{number}"));
        let date = format!("{}-03-04T05:06:07.000", 2015 + number % 2);
        let fields = [&*id, &*case_number, &*date, "THEFT", "OVER $500", "0111", "001XX W \"L\" ST", "41.88", "-87.63"];
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for field in fields {
            bytes.extend_from_slice(field.as_bytes());
            ends.push(bytes.len());
        }
        let observation = Observation { observed_at: UtcMicros(1_600_000_000_000_000), deleted: false, id: None };
        parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(4_000_000_000_000_000)).unwrap();
    }
    let [(_, batch)] = <[_; 1]>::try_from(parser.finish().unwrap()).unwrap();
    batch
}

/// The files of incidents whose offsets in partition 0 are their numbers.
pub(crate) fn files(numbers: Range<u64>) -> Vec<EncodedFile> {
    let mut writer = ArchiveWriter::new(&profile(), WriterLimits::default());
    writer.write(&incidents(numbers.clone()), 0, numbers.start, 1_700_000_000_000).unwrap();
    writer.finish().unwrap()
}

pub(crate) fn open_archive(store: &Store) -> ArchiveTable {
    ArchiveTable::open(store, &profile(), "log-1", PARTITIONS).unwrap()
}

/// Uploads and commits incidents.
pub(crate) fn append(table: &mut ArchiveTable, numbers: Range<u64>) -> Result<u64, StoreError> {
    let uploaded = files(numbers.clone()).iter().map(|file| table.upload(file)).collect::<Result<Vec<_>, _>>()?;
    table.append(&uploaded, &[numbers.end, 0])
}

/// The ids of all rows by (partition, offset); panics where one is there twice.
pub(crate) fn archived(store: &Store) -> BTreeMap<(u32, u64), String> {
    let table = ArchiveTable::open_existing(store, &profile()).unwrap().unwrap();
    let schema = incident_schema(&profile());
    let mut found = BTreeMap::new();
    for file in table.files() {
        for batch in table.read(&file.path).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let partitions = batch.column_by_name("partition").unwrap().as_primitive::<Int32Type>().clone();
            let offsets = batch.column_by_name("offset").unwrap().as_primitive::<Int64Type>().clone();
            let rows = to_incidents(&batch, &schema).unwrap();
            let rows = IncidentBatch::try_new(&rows).unwrap();
            for row in 0..rows.len {
                let key = (partitions.value(row) as u32, offsets.value(row) as u64);
                assert!(found.insert(key, rows.incident(row).id).is_none(), "{key:?} is there twice");
            }
        }
    }
    found
}

/// What [`archived`] finds after commits up to a number.
pub(crate) fn rows_up_to(end: u64) -> BTreeMap<(u32, u64), String> {
    (0..end).map(|number| ((0, number), number.to_string())).collect()
}
