//! Tables for people: one line per row, or no wider than the terminal.
//!
//! This is not a library because none moves a column beneath its row, or breaks Stripe's and Rust's names between their
//! parts. Both are needed to fit nine columns into 80 characters.

mod wrap;

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

pub(crate) use self::wrap::{hanging, wrapped};

use crate::report::format::printable;

/// The space between two columns.
const GAP: usize = 2;

/// The minimum width of a wrapped column, as long as another column can shrink.
const NARROW: usize = 16;

/// The indentation of text beneath a row.
const INDENT: usize = 2;

/// The maximum number of lines of one text beneath a row. Wider terminals, `--wide` and `inbox show` show the rest.
const MAX_LINES: usize = 3;

/// A column, and how it adapts if the table is too wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    fit: Fit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fit {
    /// Stays in one piece: an id to copy.
    Whole,
    /// Breaks into lines.
    Wraps,
    /// Moves beneath the row, after this word.
    Beneath(&'static str),
}

impl Column {
    /// A column that stays in one piece as long as it can.
    pub(crate) const fn whole(name: &'static str) -> Self {
        Self { name, fit: Fit::Whole }
    }

    /// A column that breaks into lines.
    pub(crate) const fn wraps(name: &'static str) -> Self {
        Self { name, fit: Fit::Wraps }
    }

    /// A column that moves beneath the row, after a word that names it (or none).
    pub(crate) const fn beneath(name: &'static str, word: &'static str) -> Self {
        Self { name, fit: Fit::Beneath(word) }
    }
}

/// A text in a table. A line break in it begins a new line of the cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    lines: Vec<String>,
    style: Style,
}

impl Cell {
    /// A cell in a colour or weight.
    pub(crate) fn styled(text: &str, style: Style) -> Self {
        Self { lines: text.split('\n').map(printable).collect(), style }
    }

    /// A text from outside, such as an error: its line breaks become spaces.
    pub(crate) fn quoted(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Self { lines: vec![printable(&lines.join(" "))], style: Style::new() }
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|line| line.width()).max().unwrap_or(0)
    }

    /// Whether the cell says nothing and is left out beneath a row.
    fn is_empty(&self) -> bool {
        matches!(&self.lines[..], [line] if line.is_empty() || line == "-")
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text.as_ref(), Style::new())
    }
}

/// Rows of cells under a header.
#[derive(Debug)]
pub(crate) struct Table<const COLUMNS: usize> {
    columns: [Column; COLUMNS],
    rows: Vec<[Cell; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(columns: [Column; COLUMNS]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: [Cell; COLUMNS]) {
        self.rows.push(row);
    }

    /// Formats the table with its header, no wider than the terminal if there is one.
    pub(crate) fn text(&self, terminal: Option<usize>) -> String {
        let header = self.columns.map(|column| Cell::styled(column.name, Style::new().bold()));
        self.written(terminal, std::iter::once(&header))
    }

    /// Formats the rows alone.
    pub(crate) fn text_without_header(&self, terminal: Option<usize>) -> String {
        self.written(terminal, std::iter::empty())
    }

    /// Lays out the header and the rows together, so that their columns are aligned.
    fn written<'t>(
        &'t self,
        terminal: Option<usize>,
        header: impl Iterator<Item = &'t [Cell; COLUMNS]>,
    ) -> String {
        let header: Vec<_> = header.collect();
        let natural: [usize; COLUMNS] = std::array::from_fn(|at| {
            header.iter().copied().chain(&self.rows).map(|row| row[at].width()).max().unwrap_or(0)
        });
        let layout = Layout::new(&self.columns, &natural, terminal);
        let mut text = String::new();
        for row in &header {
            layout.line(*row, &mut text);
        }
        for row in &self.rows {
            layout.line(row, &mut text);
            layout.beneath(&self.columns, row, &mut text);
        }
        text
    }
}

/// Where the cells of each row go.
struct Layout {
    /// The columns that stand side by side, and their widths.
    beside: Vec<(usize, usize)>,
    /// The columns that moved beneath the row.
    beneath: Vec<usize>,
    /// The width that must not be exceeded.
    terminal: usize,
}

impl Layout {
    fn new(columns: &[Column], natural: &[usize], terminal: Option<usize>) -> Self {
        let all = (0..columns.len()).map(|at| (at, natural[at])).collect();
        let mut layout = Self { beside: all, beneath: Vec::new(), terminal: terminal.unwrap_or(usize::MAX) };
        // Move as few as possible, starting with the last.
        while layout.total() > layout.terminal {
            let is_movable = |(at, _): &(usize, usize)| matches!(columns[*at].fit, Fit::Beneath(_));
            let Some(last) = layout.beside.iter().rposition(is_movable) else { break };
            layout.beneath.insert(0, layout.beside.remove(last).0);
        }
        layout.shrink(columns);
        layout
    }

    /// The width of the columns side by side.
    fn total(&self) -> usize {
        self.beside.iter().map(|(_, width)| width + GAP).sum::<usize>().saturating_sub(GAP)
    }

    /// Narrows the widest column that can be wrapped until the table fits; as a last resort, any column.
    fn shrink(&mut self, columns: &[Column]) {
        while self.total() > self.terminal {
            let widest = |floor: usize| {
                let can_give = |place: &usize| columns[self.beside[*place].0].fit == Fit::Wraps;
                let wide = (0..self.beside.len()).filter(can_give).max_by_key(|place| self.beside[*place].1);
                wide.filter(|place| self.beside[*place].1 > floor)
            };
            let any = || (0..self.beside.len()).max_by_key(|place| self.beside[*place].1);
            let place = widest(NARROW).or_else(|| widest(NARROW / 2)).or_else(any);
            let Some(place) = place.filter(|place| self.beside[*place].1 > 1) else { return };
            self.beside[place].1 -= 1;
        }
    }

    /// Writes the columns that stand side by side, as many lines as the longest cell needs.
    fn line(&self, row: &[Cell], text: &mut String) {
        let cells: Vec<Vec<String>> = self
            .beside
            .iter()
            .map(|&(at, width)| row[at].lines.iter().flat_map(|line| wrapped(line, width)).collect())
            .collect();
        for at in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut line = String::new();
            let mut missing = 0;
            for (cell, &(column, width)) in cells.iter().zip(&self.beside) {
                let piece = cell.get(at).map_or("", String::as_str);
                if !piece.is_empty() {
                    line.extend(std::iter::repeat_n(' ', missing));
                    line.push_str(&painted(piece, row[column].style));
                    missing = 0;
                }
                missing += width.saturating_sub(piece.width()) + GAP;
            }
            text.push_str(&line);
            text.push('\n');
        }
    }

    /// Writes the columns that moved beneath, several per line if they fit.
    fn beneath(&self, columns: &[Column], row: &[Cell], text: &mut String) {
        let room = self.terminal.saturating_sub(INDENT).max(1);
        let mut used = 0;
        for &at in self.beneath.iter().filter(|at| !row[**at].is_empty()) {
            let word = match columns[at].fit {
                Fit::Beneath(word) if !word.is_empty() => format!("{word} "),
                _ => String::new(),
            };
            let piece = format!("{word}{}", row[at].lines.join(", "));
            let fits = used > 0 && used + GAP + piece.width() <= room;
            if fits {
                text.push_str(&" ".repeat(GAP));
                used += GAP;
            } else if used > 0 {
                text.push('\n');
                used = 0;
            }
            let lines = if fits { vec![piece] } else { cut(wrapped(&piece, room), room) };
            for (number, line) in lines.iter().enumerate() {
                if number > 0 {
                    text.push('\n');
                }
                if !fits {
                    text.push_str(&" ".repeat(INDENT));
                    used = 0;
                }
                text.push_str(&painted(line, row[at].style));
                used += line.width();
            }
        }
        if used > 0 {
            text.push('\n');
        }
    }
}

fn painted(text: &str, style: Style) -> String {
    if style == Style::new() { text.to_owned() } else { format!("{style}{text}{style:#}") }
}

/// Keeps the first lines, and marks a cut.
fn cut(mut lines: Vec<String>, width: usize) -> Vec<String> {
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        if let Some(last) = lines.last_mut() {
            while last.width() >= width && last.pop().is_some() {}
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests;
