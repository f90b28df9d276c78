//! Where the lines and the sections of a text begin.

/// The lines of a text, found once: a file may have as many mistakes as lines.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// The byte where each line begins.
    begins: Vec<usize>,
    /// The numbers of the lines where sections begin.
    sections: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let begins = [0].into_iter().chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1));
        let lines = (1..).zip(text.lines());
        let sections = lines.filter(|(_, line)| line.trim_start().starts_with('[')).map(|(number, _)| number);
        Self { text, begins: begins.collect(), sections: sections.collect() }
    }

    /// The number of the line that contains a byte.
    pub(super) fn number(&self, at: usize) -> usize {
        self.begins.partition_point(|begin| *begin <= at)
    }

    /// The number of the character in its line, which is at a byte.
    pub(super) fn column(&self, at: usize) -> usize {
        let begin = self.begins[self.number(at) - 1];
        1 + self.text[begin..at].chars().filter(|char| *char != '\u{feff}').count()
    }

    /// The number of the line where the section begins that contains a byte.
    pub(super) fn section(&self, at: usize) -> Option<usize> {
        let line = self.number(at);
        self.sections[..self.sections.partition_point(|section| *section <= line)].last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_a_line_a_column_and_a_section() {
        let lines = Lines::of("\u{feff}a\né = 1\r\n [x]\n\n[y]\n");
        for (at, expected) in [
            (0, (1, 1, None)),
            (3, (1, 1, None)),
            (4, (1, 2, None)),
            (5, (2, 1, None)),
            (7, (2, 2, None)),
            (13, (3, 1, Some(3))),
            (18, (4, 1, Some(3))),
            (19, (5, 1, Some(5))),
            (23, (6, 1, Some(5))),
        ] {
            assert_eq!((lines.number(at), lines.column(at), lines.section(at)), expected, "{at}");
        }
    }
}
