"""Advisors: conclusions about indexes and policies, all pure.

An advisor module that reports has the shape of a check; its findings are of
kind `advice`.
"""
