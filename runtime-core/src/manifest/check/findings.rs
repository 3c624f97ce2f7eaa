//! The faults found so far.

use super::super::fault::{ManifestFault, ManifestFaults};

/// The faults found so far, in the order of the search.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Vec<ManifestFault>,
    warnings: Vec<ManifestFault>,
    unlisted: usize,
    errors_found: usize,
}

impl Findings {
    /// Adds an error; it is only worded if there is room for it.
    pub(super) fn error(&mut self, fault: impl FnOnce() -> ManifestFault) {
        self.errors_found += 1;
        match self.errors.len() < MAX_LISTED {
            true => self.errors.push(fault()),
            false => self.unlisted += 1,
        }
    }

    /// Adds a warning; it is only worded if there is room for it.
    pub(super) fn warning(&mut self, fault: impl FnOnce() -> ManifestFault) {
        match self.warnings.len() < MAX_LISTED {
            true => self.warnings.push(fault()),
            false => self.unlisted += 1,
        }
    }

    /// Returns the number of errors so far, listed or not.
    pub(super) fn error_count(&self) -> usize {
        self.errors_found
    }

    /// Returns the warnings alone, for a manifest without errors.
    pub(super) fn into_warnings(self) -> Vec<ManifestFault> {
        self.warnings
    }

    /// Returns the errors, then the warnings.
    pub(super) fn into_faults(mut self) -> ManifestFaults {
        self.errors.append(&mut self.warnings);
        ManifestFaults::new(self.errors, self.unlisted)
    }
}

/// Most errors, and most warnings, listed; the rest is counted. Nobody reads more, and the search for
/// what was meant takes time for each.
const MAX_LISTED: usize = 500;

#[cfg(test)]
mod tests {
    use super::super::super::FaultCode;
    use super::*;

    #[test]
    fn the_500th_error_is_listed_and_the_501st_is_counted() {
        let mut findings = Findings::default();
        let mut found = |n| findings.error(|| ManifestFault::error(FaultCode::Empty, format!("$[{n}]")));
        (0..500).for_each(&mut found);
        found(500);
        let faults = findings.into_faults();
        assert_eq!((faults.iter().len(), faults.unlisted()), (500, 1));
    }

    #[test]
    fn many_warnings_do_not_hide_an_error() {
        let mut findings = Findings::default();
        (0..501).for_each(|_| findings.warning(|| ManifestFault::warning(FaultCode::UnknownField, "$")));
        findings.error(|| ManifestFault::error(FaultCode::Empty, "$.nodes"));
        let faults = findings.into_faults();
        assert_eq!(faults.error_count(), 1);
        assert_eq!(faults.iter().next().map(|fault| fault.path.as_str()), Some("$.nodes"));
    }
}
