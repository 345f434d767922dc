//! Events of SQL executions.

use serde::Deserialize;

use crate::wire::lenient::Text;
use crate::wire::number;

#[derive(Debug, Deserialize)]
pub(crate) struct SqlExecutionStart<'a> {
    #[serde(rename = "executionId", deserialize_with = "number::required")]
    pub(crate) id: i64,
    #[serde(rename = "rootExecutionId", default, deserialize_with = "number::optional")]
    pub(crate) root_id: Option<i64>,
    #[serde(borrow, default)]
    pub(crate) description: Option<Text<'a>>,
    #[serde(rename = "physicalPlanDescription", borrow, default)]
    pub(crate) plan: Option<Text<'a>>,
    #[serde(deserialize_with = "number::time")]
    pub(crate) time: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SqlAdaptiveExecutionUpdate<'a> {
    #[serde(rename = "executionId", deserialize_with = "number::required")]
    pub(crate) id: i64,
    #[serde(rename = "physicalPlanDescription", borrow)]
    pub(crate) plan: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SqlExecutionEnd<'a> {
    #[serde(rename = "executionId", deserialize_with = "number::required")]
    pub(crate) id: i64,
    #[serde(deserialize_with = "number::time")]
    pub(crate) time: i64,
    #[serde(rename = "errorMessage", borrow, default)]
    pub(crate) error_message: Option<Text<'a>>,
}
