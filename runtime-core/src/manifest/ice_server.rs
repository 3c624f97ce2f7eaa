//! Servers by which peers find a path to each other.

use serde::{Deserialize, Deserializer, Serialize};

use super::check::{IceScheme, check_ice_url};

/// A STUN or TURN server, as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs; one alone may stand without a list.
    #[serde(deserialize_with = "one_or_many")]
    pub urls: Vec<String>,
    /// User name, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Password, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// What is wrong with an ICE server. Passwords are not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IceServerError {
    /// It has no address.
    #[error("an ICE server has no URL, expected at least one")]
    NoUrl,
    /// An address is none.
    #[error("{url:?} is not the URL of an ICE server: {problem}, expected stun:host:port or turn:host:port")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// TURN servers take nobody without a login.
    #[error("TURN server {url:?} has no {missing}, expected a username and a credential beside it")]
    NoLogin {
        /// Its address.
        url: String,
        /// `username` or `credential`.
        missing: &'static str,
    },
}

impl IceServer {
    /// Checks the form, as the check of a manifest does.
    ///
    /// # Errors
    /// [`IceServerError`] for the first fault.
    pub fn check(&self) -> Result<(), IceServerError> {
        if self.urls.is_empty() {
            return Err(IceServerError::NoUrl);
        }
        let is_missing = |login: &Option<String>| login.as_ref().is_none_or(String::is_empty);
        for url in &self.urls {
            let scheme =
                check_ice_url(url).map_err(|problem| IceServerError::Url { url: url.clone(), problem })?;
            let login = [("username", &self.username), ("credential", &self.credential)];
            if scheme == IceScheme::Turn
                && let Some((missing, _)) = login.into_iter().find(|(_, given)| is_missing(given))
            {
                return Err(IceServerError::NoLogin { url: url.clone(), missing });
            }
        }
        Ok(())
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(url) => vec![url],
        OneOrMany::Many(urls) => urls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, username: Option<&str>, credential: Option<&str>) -> IceServer {
        let [username, credential] = [username, credential].map(|login| login.map(str::to_owned));
        IceServer { urls: vec![url.to_owned()], username, credential }
    }

    #[test]
    fn a_server_is_taken_or_refused_by_value_and_its_password_never_told() {
        for good in [server("stun:a", None, None), server("turn:a:3478", Some("ada"), Some("secret"))] {
            assert_eq!(good.check(), Ok(()));
        }
        let told = |server: IceServer| server.check().expect_err("refused").to_string();
        assert!(told(IceServer { urls: Vec::new(), username: None, credential: None }).contains("no URL"));
        let port = told(server("stun:a:99999", None, Some("secret")));
        assert!(port.contains("\"stun:a:99999\"") && port.contains("from 1 to 65535"), "{port}");
        assert!(!port.contains("secret"), "{port}");
        assert!(told(server("turn:a", None, Some("secret"))).contains("\"turn:a\" has no username"));
        assert!(told(server("turn:a", Some("ada"), Some(""))).contains("\"turn:a\" has no credential"));
    }
}
