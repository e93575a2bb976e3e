"""Frontends of tree libraries: scikit-learn, XGBoost, LightGBM, CatBoost; and the operators of ONNX-ML."""
