//! How many webhooks there are of what, for metrics.

use super::memory::hears_confidential;
use crate::calculator::issue::Moment;
use crate::gitlab::{AlertStatus, Hook};

/// How many there are of what, for metrics.
#[derive(Debug, Default)]
pub(super) struct Count {
    enabled: u32,
    resting: u32,
    disabled: u32,
    unknown: u32,
    deaf: u32,
    unsigned: u32,
    /// When the last of those that rest is called again, as far as GitLab tells.
    rests_until: Option<Moment>,
    pub hidden: u32,
}

impl Count {
    pub fn add(&mut self, hook: &Hook) {
        match hook.alert_status {
            AlertStatus::Executable => self.enabled += 1,
            AlertStatus::TemporarilyDisabled => {
                self.resting += 1;
                self.rests_until = self.rests_until.max(hook.disabled_until);
            }
            AlertStatus::Disabled => self.disabled += 1,
            AlertStatus::Unknown => self.unknown += 1,
        }
        self.deaf += u32::from(!hears_confidential(hook));
        self.unsigned += u32::from(hook.signing_token_present == Some(false));
    }

    pub fn show(&self) {
        for (state, count) in [
            ("enabled", self.enabled),
            ("temporarily_disabled", self.resting),
            ("disabled", self.disabled),
            ("unknown", self.unknown),
        ] {
            metrics::gauge!("escalator_webhooks", "state" => state).set(count);
        }
        metrics::gauge!("escalator_webhooks_without_confidential_events").set(self.deaf);
        metrics::gauge!("escalator_webhooks_unsigned").set(self.unsigned);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^52")]
        let rests_until = self.rests_until.map_or(0.0, |moment| moment.0 as f64 / 1000.0);
        metrics::gauge!("escalator_webhooks_disabled_until_timestamp_seconds").set(rests_until);
        metrics::gauge!("escalator_webhook_places_hidden").set(self.hidden);
    }
}

/// Who no longer watches no longer tells what it saw: another replica does.
pub(super) struct ClearedAtTheEnd;

impl Drop for ClearedAtTheEnd {
    fn drop(&mut self) {
        Count::default().show();
    }
}
