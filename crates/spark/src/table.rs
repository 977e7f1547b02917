//! A Delta table in SQL.

/// A version of the table at that address. Hadoop's name of S3 is `s3a`.
pub fn delta(url: &str, version: u64) -> String {
    let path = url.strip_prefix("s3://").map_or_else(|| url.to_owned(), |rest| format!("s3a://{rest}"));
    format!("delta.`{}` VERSION AS OF {version}", path.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_as_spark_names_it() {
        assert_eq!(delta("s3://crime/chicago/archive", 7), "delta.`s3a://crime/chicago/archive` VERSION AS OF 7");
        assert_eq!(delta("file:///a`b", 0), "delta.`file:///a``b` VERSION AS OF 0");
    }
}
