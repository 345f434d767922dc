//! Figures: task totals, histograms, jobs and daily roll-ups, and their JSON form.

/// Implements `+=` and `-=` field by field: numbers wrap around, and the other fields are groups themselves.
macro_rules! group {
    ($type:ty: wrapping [$($number:ident),* $(,)?], groups [$($part:ident),*]) => {
        impl std::ops::AddAssign<&Self> for $type {
            fn add_assign(&mut self, other: &Self) {
                $(self.$number = self.$number.wrapping_add(other.$number);)*
                $(self.$part += &other.$part;)*
            }
        }

        impl std::ops::SubAssign<&Self> for $type {
            fn sub_assign(&mut self, other: &Self) {
                $(self.$number = self.$number.wrapping_sub(other.$number);)*
                $(self.$part -= &other.$part;)*
            }
        }
    };
}

pub(crate) mod fold;
pub(crate) mod histogram;
pub(crate) mod job;
mod json;
pub(crate) mod labels;
pub(crate) mod result;
pub(crate) mod rollup;
pub(crate) mod tasks;

pub use json::{
    ApplicationFigures, JobFigures, JobLine, Quantiles, StageFigures, TaskFigures, TotalFigures,
};
