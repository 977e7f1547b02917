//! Episodes as an Atom feed (RFC 4287), so that anybody can subscribe to a neighbourhood.

use crate::{
    prose::{escaped, probability, uncapitalized},
    questions::{EpisodesAnswer, FoundEpisode},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::Write;

/// Whose feed it is.
#[derive(Clone, Copy, Debug)]
pub struct FeedHead<'a> {
    /// Short name of the city, for ids.
    pub slug: &'a str,
    /// Name of the city.
    pub city: &'a str,
    /// Whether the data are made up.
    pub simulated: bool,
    /// The query of this feed's address.
    pub query: &'a str,
    /// Where the server is asked, such as `http://127.0.0.1:8080`.
    pub base: &'a str,
}

/// The feed, as XML.
pub fn peaks_feed(answer: &EpisodesAnswer, head: &FeedHead<'_>) -> String {
    let mut feed = String::with_capacity(2048 + 1024 * answer.episodes.len());
    let separator = if head.query.is_empty() { "" } else { "?" };
    let address = escaped(&format!("{}/feeds/peaks.atom{separator}{}", head.base, head.query));
    let simulated = if head.simulated { " (simulated data)" } else { "" };
    // Writing into a string cannot fail.
    let _infallible = write!(
        feed,
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <title>Peaking in {}{simulated}</title>\n<subtitle>Areas and categories with far more incidents than expected.</subtitle>\n\
         <id>urn:blotter:{}:peaks:{}</id>\n<link rel=\"self\" type=\"application/atom+xml\" href=\"{address}\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{}/\"/>\n<author><name>Blotter</name></author>\n<updated>{}</updated>\n",
        escaped(head.city),
        escaped(head.slug),
        escaped(&utf8_percent_encode(head.query, NON_ALPHANUMERIC).to_string()),
        escaped(head.base),
        escaped(answer.at.as_deref().unwrap_or("1970-01-01T00:00:00Z")),
    );
    for episode in &answer.episodes {
        entry(&mut feed, answer, episode, head);
    }
    feed.push_str("</feed>\n");
    feed
}

fn entry(feed: &mut String, answer: &EpisodesAnswer, episode: &FoundEpisode, head: &FeedHead<'_>) {
    let percent = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let FoundEpisode { area, area_name, category, observed, window_hours, .. } = episode;
    let title = format!("{} in {area_name}: {observed} in {}", uncapitalized(category), hours(*window_hours));
    let link = format!(
        "{}/?at={}&peak={}",
        head.base,
        // The address of a moment is civil time, without its offset.
        percent(episode.at.get(..16).unwrap_or(&episode.at)),
        percent(&format!("{}:{area}/{window_hours}/{category}", answer.layer)),
    );
    let state = if episode.lasts { "It has not ended." } else { "It has ended." };
    let summary = format!(
        "{observed} incidents in {} to {}, about {} expected (q = {}). Found from {} to {}. {state}",
        hours(*window_hours),
        time(&episode.at),
        expected(episode.expected),
        probability(episode.q),
        time(&episode.since),
        time(&episode.until),
    );
    let id = format!("urn:blotter:{}:episode:{}:{}:{}", head.slug, percent(area), percent(category), episode.since);
    let _infallible = write!(
        feed,
        "<entry>\n<title>{}</title>\n<id>{}</id>\n<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n<published>{}</published>\n\
         <updated>{}</updated>\n<category term=\"{}\"/>\n",
        escaped(&title),
        escaped(&id),
        escaped(&link),
        episode.since,
        episode.until,
        escaped(category),
    );
    for rule in &episode.rules {
        let _infallible = writeln!(feed, "<category scheme=\"urn:blotter:rule\" term=\"{}\"/>", escaped(rule));
    }
    let _infallible = write!(feed, "<summary>{}</summary>\n</entry>\n", escaped(&summary));
}

fn hours(window: u16) -> String {
    match window {
        1 => "an hour".to_owned(),
        168 => "seven days".to_owned(),
        hours => format!("{hours} hours"),
    }
}

/// `2017-08-06 06:00`.
fn time(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

fn expected(number: f64) -> String {
    if number >= 10.0 { format!("{number:.0}") } else { format!("{number:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_is_an_entry() {
        let episode = FoundEpisode {
            area: "32".into(),
            area_name: "Loop & Park".into(),
            category: "THEFT".into(),
            since: "2017-08-04T20:00:00-05:00".into(),
            until: "2017-08-07T01:00:00-05:00".into(),
            lasts: true,
            at: "2017-08-06T06:00:00-05:00".into(),
            window_hours: 24,
            observed: 103,
            expected: 13.187,
            q: 3.4e-6,
            rules: vec!["downtown".into()],
        };
        let answer = EpisodesAnswer {
            at: Some("2017-08-07T03:00:00-05:00".into()),
            layer: "community_area".into(),
            episodes: vec![episode],
        };
        let head = FeedHead {
            slug: "chicago",
            city: "Chicago",
            simulated: false,
            query: "area=community_area%3A32",
            base: "http://127.0.0.1:8080",
        };
        let feed = peaks_feed(&answer, &head);
        for part in [
            "<title>Theft in Loop &amp; Park: 103 in 24 hours</title>",
            "<summary>103 incidents in 24 hours to 2017-08-06 06:00, about 13 expected (q = 3.4e-6). Found from 2017-08-04 20:00 to \
             2017-08-07 01:00. It has not ended.</summary>",
            "href=\"http://127.0.0.1:8080/?at=2017%2D08%2D06T06%3A00&amp;peak=community%5Farea%3A32%2F24%2FTHEFT\"",
            "<id>urn:blotter:chicago:episode:32:THEFT:2017-08-04T20:00:00-05:00</id>",
            "<category scheme=\"urn:blotter:rule\" term=\"downtown\"/>",
            "href=\"http://127.0.0.1:8080/feeds/peaks.atom?area=community_area%3A32\"",
        ] {
            assert!(feed.contains(part), "{part}\n{feed}");
        }
    }
}
