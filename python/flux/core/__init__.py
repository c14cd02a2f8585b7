"""flux.core - names by which scripts import what lives one level up"""
