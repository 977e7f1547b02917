//! Which compressions a client accepts (RFC 9110, 12.5.3).

use axum::http::{HeaderMap, HeaderValue, header};

/// A compression that files of the web app come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Smaller.
    Brotli,
    /// Known everywhere.
    Gzip,
}

impl Coding {
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What a compressed file's name ends with.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }

    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }
}

/// The compressions that a client accepts, the one that it prefers first; of equal ones the smaller.
pub(crate) fn accepted(headers: &HeaderMap) -> Vec<Coding> {
    let mut wanted = [0.0; Coding::ALL.len()];
    let mut any = 0.0;
    let mut named = [false; Coding::ALL.len()];
    let offers = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for offer in offers.flat_map(|offers| offers.split(',')) {
        let (name, parameters) = offer.split_once(';').unwrap_or((offer, ""));
        let name = name.trim();
        let quality = quality(parameters);
        for (number, coding) in Coding::ALL.into_iter().enumerate() {
            let is_it = name.eq_ignore_ascii_case(coding.name())
                || (coding == Coding::Gzip && name.eq_ignore_ascii_case("x-gzip"));
            if is_it {
                (wanted[number], named[number]) = (quality, true);
            }
        }
        if name == "*" {
            any = quality;
        }
    }
    let mut codings: Vec<(f32, Coding)> = Coding::ALL
        .into_iter()
        .enumerate()
        .map(|(number, coding)| (if named[number] { wanted[number] } else { any }, coding))
        .filter(|(quality, _)| *quality > 0.0)
        .collect();
    // Stable: of equal ones the first stays first.
    codings.sort_by(|a, b| b.0.total_cmp(&a.0));
    codings.into_iter().map(|(_, coding)| coding).collect()
}

/// The value of `q`: 1 where it is not given, 0 where it is wrong.
fn quality(parameters: &str) -> f32 {
    parameters
        .split(';')
        .find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0))
        })
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Coding::{Brotli, Gzip};

    #[test]
    fn the_preferred_coding_comes_first() {
        let check = |offer: &'static str, expect: &[Coding]| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(offer))]);
            assert_eq!(accepted(&headers), expect, "{offer}");
        };
        check("gzip, deflate, br, zstd", &[Brotli, Gzip]);
        check("gzip", &[Gzip]);
        check("GZIP;Q=0.5, br; q=0.4", &[Gzip, Brotli]);
        check("br;q=0, *", &[Gzip]);
        check("*;q=0.1", &[Brotli, Gzip]);
        check("identity", &[]);
        check("gzip;q=0", &[]);
        check("gzip;q=nonsense", &[]);
        check("", &[]);
        assert_eq!(accepted(&HeaderMap::new()), []);
    }
}
