//! Where a piece of work comes from in a distributed trace: the W3C trace context, in its one-line form.

use std::fmt;
use std::str::FromStr;

/// A `traceparent`: which trace, which span of it, and whether it is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace. Never 0.
    pub trace_id: u128,
    /// The span that caused the work. Never 0.
    pub span_id: u64,
    /// Bit 0: somebody records the trace.
    pub flags: u8,
}

/// A text that is no `traceparent` of a version that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTraceParent;

impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let mut fields = text.split('-');
        let mut field =
            |digits: usize| fields.next().filter(|field| is_hex(field, digits)).ok_or(NoTraceParent);
        let (version, trace_id, span_id, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        let parent = Self {
            trace_id: u128::from_str_radix(trace_id, 16).map_err(|_| NoTraceParent)?,
            span_id: u64::from_str_radix(span_id, 16).map_err(|_| NoTraceParent)?,
            flags: u8::from_str_radix(flags, 16).map_err(|_| NoTraceParent)?,
        };
        let whole = version == "00" && fields.next().is_none();
        if whole && parent.trace_id != 0 && parent.span_id != 0 { Ok(parent) } else { Err(NoTraceParent) }
    }
}

/// W3C allows small letters only.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_the_same() {
        let parent: TraceParent = EXAMPLE.parse().unwrap();
        assert_eq!((parent.span_id, parent.flags), (0x00f0_67aa_0ba9_02b7, 1));
        assert_eq!(parent.to_string(), EXAMPLE);
    }

    #[test]
    fn what_w3c_does_not_allow_is_none() {
        let wrong = [
            "",
            "00",
            &EXAMPLE.to_uppercase(),
            &format!("{EXAMPLE}-00"),
            &EXAMPLE.replace("00-4", "ff-4"),
            &EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &EXAMPLE.replace("00f067aa0ba902b7", "+0f067aa0ba902b7"),
        ];
        for text in wrong {
            assert_eq!(text.parse::<TraceParent>(), Err(NoTraceParent), "{text}");
        }
    }
}
