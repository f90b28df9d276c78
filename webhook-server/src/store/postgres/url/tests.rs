//! URLs, and what becomes of them.
