//! A GitLab stand-in with state, for `escalator demo` and for the tests.
