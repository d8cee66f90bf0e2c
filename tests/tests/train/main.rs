//! Training: the loop, its means, stopping, ensembles, fine-tuning and augmentation.

mod accumulation;
mod augmentation;
mod choice;
mod early_stopping;
mod ensemble;
mod fit;
mod transfer;
mod transfers;
mod weight_average;
