//! The running demo of a directory: it writes its address there, so that commands ask it instead of opening its log, which
//! it holds.

use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

const FILE: &str = "serving";
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(30);
/// Bytes of the longest answer.
const LONGEST: u64 = 64 << 20;

/// The address of a running demo, in its directory for as long as it runs.
pub(crate) struct ServerFile(PathBuf);

impl ServerFile {
    /// Writes the address.
    pub(crate) fn at(directory: &Path, address: &str) -> Result<Self> {
        let path = directory.join(FILE);
        let write = || fs::create_dir_all(directory).and_then(|()| fs::write(&path, format!("{address}\n")));
        write().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for ServerFile {
    fn drop(&mut self) {
        // Whoever finds a file that a killed demo left asks whether anyone answers.
        let _gone = fs::remove_file(&self.0);
    }
}

/// The address of the demo that runs on a directory, if one answers there.
pub(crate) fn server_of(directory: &Path) -> Option<String> {
    let address = fs::read_to_string(directory.join(FILE)).ok()?.trim().to_owned();
    let agent = agent(ANSWERS_WITHIN);
    let answer = agent.get(format!("{address}/healthz")).call().ok()?;
    (answer.status() == 200).then_some(address)
}

/// The answer to a question of the HTTP API.
pub(crate) fn ask(server: &str, question: &str) -> Result<serde_json::Value> {
    let body = fetch(server, question)?;
    serde_json::from_slice(&body).with_context(|| format!("{server} answered something else than JSON"))
}

/// The answer's body, in the format that the question names.
pub(crate) fn fetch(server: &str, question: &str) -> Result<Vec<u8>> {
    let server = server.trim_end_matches('/');
    let mut answer = agent(ANSWER)
        .get(format!("{server}{question}"))
        .call()
        .with_context(|| format!("the server {server} does not answer"))?;
    let body = answer.body_mut().with_config().limit(LONGEST).read_to_vec()?;
    if answer.status() != 200 {
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        bail!("{server}: {}", problem["detail"].as_str().unwrap_or("it refused the question"));
    }
    Ok(body)
}

fn agent(within: Duration) -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(within)).http_status_as_error(false).build().new_agent()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_nobody_answers_at_is_not_a_server() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(server_of(folder.path()), None);
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let announced = ServerFile::at(folder.path(), &format!("http://127.0.0.1:{port}")).unwrap();
        assert!(folder.path().join(FILE).exists());
        assert_eq!(server_of(folder.path()), None);
        drop(announced);
        assert!(!folder.path().join(FILE).exists());
    }
}
